// Shows the queue between its senders and a forwarder, in simulated trees in virtual time with a
// real SQLite file: the exact mail, and that nothing is lost or stuck whatever crashes.
#include "components/queue/queue.hpp"
#include "components/retrier/retrier.hpp"
#include "supe/simulation/world.hpp"
#include "tests/support/file_size_limit.hpp"
#include "tests/support/temporary_directory.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>
#include <map>
#include <set>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::component;
using supe::simulation::world;
using lines = std::vector<std::string>;

namespace {

/// A queue, a forwarder that does what the test says, a retrier that ticks every 10 s, and a
/// sender.
struct scene {
    support::temporary_directory directory{support::in_memory()};
    world w;
    lines got{};  ///< mail that reached the forwarder
    std::map<std::string, std::deque<int>>
        statuses{};  ///< what the next tries of a webhook bring; 200 where none is left; -1 a crash
    std::map<std::string, int> delivered{};  ///< by id
    supe::duration a_try{};                  ///< takes as long
    bool holds = false;                      ///< tries do not end
    std::size_t trying = 0, most = 0;
    std::set<std::string> kept{};  ///< acknowledged by the queue
    std::size_t refused = 0;
    component* sender = nullptr;
    supe::nursery* sending = nullptr;

    explicit scene(std::uint64_t seed = 1) : w(seed) {
        w.provide("queue", components::queue);
        w.provide("retrier", components::retrier);
        w.provide("forwarder", [this](component& self) { return forward(self); });
        w.provide("sender", [this](component& self) { return be_sender(self); });
    }
    ~scene() { w.stop(); }

    void run(const std::string& config = R"("in_flight": 3)") {
        w.run(fmt::format(R"({{"name": "t", "max_restarts": 10000, "children": [
            {{"name": "queue", "component": "queue", "config": {{"file": "{}", "disk_reserve": "0", {}}}, "max_restarts": 1000, "backoff": {{"max": "100ms", "jitter": 0}}}},
            {{"name": "forwarder", "component": "forwarder", "demand": true, "max_restarts": 1000, "backoff": {{"max": "100ms", "jitter": 0}}}},
            {{"name": "retrier", "component": "retrier", "config": {{"every": "10s"}}}},
            {{"name": "sender", "component": "sender"}}]}})",
                          (directory / "queue.db").string(), config));
    }

    awaitable<> forward(component& self) {
        supe::nursery all(self.time());
        self.set_window(64);
        trying = 0;
        all.start(take(self, all));
        co_await all.join();
    }
    awaitable<> take(component& self, supe::nursery& all) {
        while (auto mail = co_await self.receive()) {
            got.push_back(mail->body());
            all.start(attempt(self, std::move(*mail)));
        }
        all.cancel();
    }
    awaitable<> attempt(component& self, supe::mail mail) {
        const auto body = mail.value();
        const auto& order = body.as_object();
        const std::string id(order.at("webhook").as_object().at("id").as_string());
        most = std::max(most, ++trying);
        if (a_try > 0s) co_await self.time().sleep_for(a_try);
        while (holds) co_await self.time().sleep_for(1s);
        auto& next = statuses[id];
        const int status = next.empty() ? 200 : next.front();
        if (status < 0) throw std::runtime_error("this one kills me");
        if (!next.empty()) next.pop_front();
        if (status == 200) ++delivered[id];
        std::string result = fmt::format(R"({{"result":{{"id":"{}","attempt":{},"status":{}}}}})",
                                         id, order.at("attempt").as_int64(), status);
        co_await self.send("queue", std::move(result));
        co_await mail.ack();
        --trying;
    }

    awaitable<> be_sender(component& self) {
        supe::nursery all(self.time());
        sender = &self;
        sending = &all;
        all.start(until_shutdown(self, all));
        co_await all.join();
        sending = nullptr;
    }
    awaitable<> until_shutdown(component& self, supe::nursery& all) {
        co_await self.shutdown_requested();
        all.cancel();
    }
    awaitable<> deliver(std::string id, std::string text) {
        const supe::error_code failed = co_await sender->try_deliver("queue", std::move(text));
        failed ? ++refused : kept.insert(id).second;
    }
    void send(const std::string& id, std::size_t bytes = 0) {
        sending->start(
            deliver(id, fmt::format(R"({{"id":"{}","body":"{}"}})", id, std::string(bytes, 'A'))));
    }
    lines events() { return std::exchange(got, {}); }
    std::string depth() {
        return w.messages("queue-depth").empty() ? "" : w.messages("queue-depth").back();
    }
};

std::string order(unsigned attempt, const std::string& id) {
    return fmt::format(R"({{"attempt":{},"webhook":{{"id":"{}","body":""}}}})", attempt, id);
}

void same(const lines& found, const lines& expected) {
    BOOST_TEST(found == expected, fmt::format("[{}]", fmt::join(found, ", ")));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(queue_component)

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

// A failure comes back with the retrier's next tick, as attempt 2.
BOOST_AUTO_TEST_CASE(retries_at_the_tick) {
    scene s;
    s.statuses["a"] = {503};
    s.run();
    s.send("a");
    s.w.advance(9s);
    same(s.events(), {order(1, "a")});
    s.w.advance(1s);
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
        {R"({"id":"p","reason":"it crashed the forwarder time and again, or was refused by it"})"});
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
    s.holds = true;
    s.run();
    for (const char* id : {"a", "b", "c", "d"}) s.send(id);
    s.w.advance(1h);
    BOOST_TEST(s.events().size() == 3u);
    s.holds = false;
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
    }
}

BOOST_AUTO_TEST_SUITE_END()
