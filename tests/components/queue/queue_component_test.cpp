// Shows the queue between its senders and a forwarder, in simulated trees in virtual time with a
// real SQLite file: the exact mail, and that nothing is lost or stuck whatever crashes.
#include "tests/components/queue/queue_world.hpp"

using namespace std::chrono_literals;
using queue_tests::lines;
using scene = queue_tests::queue_world;

namespace {

std::string order(unsigned attempt, const std::string& id) {
    return fmt::format(R"({{"attempt":{},"webhook":{{"id":"{}","body":""}}}})", attempt, id);
}

void same(const lines& found, const lines& expected) {
    BOOST_TEST(found == expected, fmt::format("[{}]", fmt::join(found, ", ")));
}

supe::awaitable<> ask(supe::component& sender, std::string request, std::string& answer) {
    supe::mail got = co_await sender.call("queue", std::move(request));
    answer = got.body();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(queue_component)

// A count that an earlier life may have had a part in says so.
BOOST_AUTO_TEST_CASE(a_call_that_came_before) {
    scene s;
    s.run();
    std::string first, second;
    const std::string request = R"({"webhooks":{"what":"drop"}})";
    s.sending->start(ask(*s.sender, request, first));
    s.w.advance(1s);
    BOOST_TEST(first == R"({"done":0})");
    BOOST_TEST(s.w.freeze("/queue"));
    s.sending->start(ask(*s.sender, request, second));
    s.w.run_ready();
    s.w.crash("/queue");
    s.w.advance(2s);
    BOOST_TEST(second == R"({"again":true,"done":0})");
}

// From the sender's ack to the forwarder, and away with a 200; the last one needs no next one to
// get through.
BOOST_AUTO_TEST_CASE(hands_over_and_forgets) {
    scene s;
    s.run();
    s.w.advance(1min);
    s.send("a");
    s.w.run_ready();
    BOOST_TEST(s.kept.contains("a"));
    same(s.events(), {order(1, "a")});
    s.w.advance(2s);
    BOOST_TEST(s.delivered["a"] == 1);
    BOOST_TEST(s.depth() ==
               R"({"pending":0,"failed":0,"handed":0,"dead":0,"bytes":0,"paused":false})");
}

// `supe status` has the ledger, over a crash too.
BOOST_AUTO_TEST_CASE(says_its_ledger) {
    scene s;
    s.statuses["b"] = {500};
    s.run();
    s.send("a");
    s.send("b");
    s.w.advance(5s);
    const auto says = [&] { return s.w.root().find("queue")->status_text(); };
    BOOST_TEST(says() == "accepted 2, delivered 1, dead 0, dropped 0, queued 1");
    s.w.crash("/queue");
    s.w.advance(2s);
    BOOST_TEST(says() == "accepted 2, delivered 1, dead 0, dropped 0, queued 1");
}

// The wall clock is set back by a year, or forward: what is to be tried again is neither held up
// nor hurried. After a restart it waits for a day at most.
BOOST_AUTO_TEST_CASE(the_wall_clock_is_set) {
    for (const auto step : {-365 * 24h, 365 * 24h}) {
        scene s;
        s.statuses["a"] = {500, 500, 500, 200};
        s.run();
        s.send("a");
        s.w.advance(15s);  // the second try failed: the third is due within 30 s
        BOOST_TEST(s.events().size() == 2u);
        s.w.time().step_wall(step);
        s.w.run_ready();
        BOOST_TEST(s.events().empty());
        s.w.advance(50s);
        BOOST_TEST(s.events().size() >= 1u);
        s.w.advance(3min);
        BOOST_TEST(s.delivered["a"] == 1);
    }
    scene s;
    s.statuses["a"] = {500, 500, 200};
    s.run();
    s.send("a");
    s.w.advance(15s);
    s.w.time().step_wall(-365 * 24h);
    s.w.crash("/queue");
    s.w.advance(25h);
    BOOST_TEST(s.delivered["a"] == 1);
}

// No more than in_flight are out; each result brings the next one at once.
BOOST_AUTO_TEST_CASE(never_more_than_in_flight) {
    scene s;
    s.a_try = 1s;
    s.run();
    for (int i = 0; i < 10; ++i) s.send(fmt::format("w{}", i));
    s.w.run_ready();
    BOOST_TEST(s.events().size() == 3u);
    s.w.advance(3500ms);
    BOOST_TEST(s.most == 3u);
    BOOST_TEST(s.delivered.size() == 9u);
    s.w.advance(1s);
    BOOST_TEST(s.delivered.size() == 10u);
}

// A failure comes back by itself, after ten seconds at most, as attempt 2.
BOOST_AUTO_TEST_CASE(retries_in_time) {
    scene s;
    s.statuses["a"] = {503};
    s.run();
    s.send("a");
    s.w.advance(7s);
    same(s.events(), {order(1, "a")});
    s.w.advance(3s);
    same(s.events(), {order(2, "a")});
    BOOST_TEST(s.delivered["a"] == 1);
}

// One that kills the forwarder goes to the dead letters after three deaths, with a notice; all
// others are delivered.
BOOST_AUTO_TEST_CASE(poison_does_not_block_the_others) {
    scene s;
    s.statuses["p"] = {-1};
    s.run();
    for (const char* id : {"a", "p", "b", "c", "d"}) s.send(id);
    s.w.advance(10s);
    for (const char* id : {"a", "b", "c", "d"}) BOOST_TEST(s.delivered[id] >= 1, id);
    same(
        s.w.messages("webhook-dead"),
        {R"({"id":"p","reason":"it crashed the forwarder time and again, or was refused by it","route":"default"})"});
    BOOST_TEST(s.depth() ==
               R"({"pending":0,"failed":0,"handed":0,"dead":1,"bytes":20,"paused":false})");
}

// 410 pauses, with one notice; intake goes on; nothing is lost, not even by a crash; mail
// {"resume":true} goes on.
BOOST_AUTO_TEST_CASE(pause_and_resume) {
    scene s;
    s.statuses["a"] = {410};
    s.run();
    s.send("a");
    s.w.advance(1s);
    BOOST_TEST(s.w.count("destination-paused") == 1u);
    s.send("b");
    s.w.advance(1min);
    BOOST_TEST(s.kept.size() == 2u);
    s.w.crash("/queue");
    s.w.advance(1min);
    same(s.events(), {order(1, "a")});
    s.w.mail("queue", R"({"resume":true})");
    s.w.advance(1s);
    BOOST_TEST(s.delivered["a"] == 1);
    BOOST_TEST(s.delivered["b"] == 1);
}

// A forwarder that is stopped by hand: what it has is not handed out again, and goes on when it is
// started.
BOOST_AUTO_TEST_CASE(a_stopped_forwarder) {
    scene s;
    s.holds = {"forwarder"};
    s.run();
    for (const char* id : {"a", "b", "c", "d"}) s.send(id);
    s.w.advance(1h);
    BOOST_TEST(s.events().size() == 3u);
    s.holds.clear();
    s.w.advance(10s);
    BOOST_TEST(s.delivered.size() == 4u);
    for (const auto& [id, times] : s.delivered) BOOST_TEST(times == 1, id);
}

// The store fails for a while: senders are refused, results are kept in hand, and all is well when
// it works again.
BOOST_AUTO_TEST_CASE(a_store_that_fails_for_a_while) {
    scene s;
    s.a_try = 5s;
    s.run();
    for (const char* id : {"a", "b", "c"}) s.send(id);
    s.w.advance(1s);
    BOOST_TEST(s.kept.size() == 3u);
    {
        const support::file_size_limit full(100);
        s.send("d");
        s.w.advance(10s);
        BOOST_TEST(s.refused == 1u);
        BOOST_TEST(s.events().size() == 3u);
        BOOST_TEST(s.w.count("mail-dead-lettered") == 0u);  // its sender still has it
    }
    s.send("e");
    s.w.advance(10s);
    BOOST_TEST(s.kept.contains("e"));
    for (const char* id : {"a", "b", "c", "e"}) BOOST_TEST(s.delivered[id] == 1, id);
    BOOST_TEST(s.w.count("component-crashed") == 0u);
    BOOST_TEST(s.depth() ==
               R"({"pending":0,"failed":0,"handed":0,"dead":0,"bytes":0,"paused":false})");
}

// The limit refuses, and what is delivered makes room.
BOOST_AUTO_TEST_CASE(full_and_no_longer_full) {
    scene s;
    s.a_try = 5s;
    s.run(R"("in_flight": 3, "limit": "1000")");
    for (const char* id : {"a", "b", "c"}) s.send(id, 400);
    s.w.advance(1s);
    BOOST_TEST(s.kept.size() == 2u);
    BOOST_TEST(s.refused == 1u);
    s.w.advance(10s);
    s.send("c", 400);
    s.w.advance(6s);
    BOOST_TEST(s.delivered["c"] == 1);
}

// An ordered stop forgets no result that a forwarder left behind.
BOOST_AUTO_TEST_CASE(stopped_before_it_read_a_result) {
    scene s;
    s.a_try = 1s;
    s.run();
    s.send("a");
    s.w.advance(500ms);
    s.w.freeze("/queue");
    s.w.advance(1s);
    BOOST_TEST(s.delivered["a"] == 1);
    BOOST_TEST(!s.w.stop(1s));  // the forwarder has ended, and the queue is asked to
    s.w.thaw("/queue");
    BOOST_TEST(s.w.stop());
    s.run();
    s.w.advance(1min);
    BOOST_TEST(s.delivered["a"] == 1);
    BOOST_TEST(s.is_balanced());
}

// A config that makes no sense ends it with words.
BOOST_AUTO_TEST_CASE(nonsense_in_the_config) {
    scene s;
    s.run(R"("limit": "much")");
    BOOST_TEST(s.w.count("component-crashed") >= 1u);
}

// Queue and forwarder crash at random in the middle of everything, tries fail at random: every
// webhook whose sender was told so is delivered, once without crashes, nothing is stuck, and never
// more than in_flight are out with one forwarder.
BOOST_AUTO_TEST_CASE(nothing_is_lost_whatever_crashes) {
    for (std::uint64_t seed = 1; seed <= 25; ++seed) {
        scene s(seed);
        s.a_try = 300ms;
        s.run();
        int sent = 0;
        for (int step = 0; step < 60; ++step) {
            for (int n = static_cast<int>(s.w.random() * 4); n > 0; --n) {
                const std::string id = fmt::format("w{}", sent++);
                for (int f = static_cast<int>(s.w.random() * 3); f > 0; --f)
                    s.statuses[id].push_back(f % 2 ? 503 : 404);
                s.send(id);
            }
            s.w.advance(std::chrono::milliseconds(static_cast<int>(s.w.random() * 700)));
            if (s.w.random() < 0.2) s.w.crash("/queue");
            if (s.w.random() < 0.2) s.w.crash("/forwarder");
        }
        s.w.advance(10min);
        BOOST_TEST(s.kept.size() == static_cast<std::size_t>(sent),
                   fmt::format("seed {}: {} of {} kept", seed, s.kept.size(), sent));
        BOOST_TEST(
            s.delivered.size() == s.kept.size(),
            fmt::format("seed {}: {} of {} delivered", seed, s.delivered.size(), s.kept.size()));
        BOOST_TEST(
            s.depth() == R"({"pending":0,"failed":0,"handed":0,"dead":0,"bytes":0,"paused":false})",
            fmt::format("seed {}: {}", seed, s.depth()));
        BOOST_TEST(s.w.count("mail-dead-lettered") == 0u, fmt::format("seed {}", seed));
        BOOST_TEST(s.is_balanced(), fmt::format("seed {}", seed));
    }
}

BOOST_AUTO_TEST_SUITE_END()
