// Shows the forwarder between a queue, a lock and a destination: mail and time are simulated,
// sockets are real.
#include "components/forwarder/forwarder.hpp"
#include "components/webhook/webhook.hpp"
#include "supe/simulation/world.hpp"
#include "tests/support/files.hpp"
#include "tests/support/http_sink.hpp"
#include "tests/support/scripted_destination.hpp"
#include "tests/support/temporary_directory.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>
#include <map>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::component;
using support::http_sink;
using lines = std::vector<std::string>;

namespace {

std::string webhook_mail(const std::string& id, unsigned attempt = 1) {
    const components::webhook w{id,           1700000000000, "POST", "/" + id,
                                {{"X", "1"}}, "192.0.2.1",   "hello"};
    return fmt::format(R"({{"attempt":{},"webhook":{}}})", attempt, components::to_json(w));
}

/// A tree of the real forwarder, with a queue and a lock that the test controls.
struct scene {
    support::event_loop loop{};
    std::map<std::string, http_sink::answer>
        answers{};  ///< by target; 200 at once for other targets
    http_sink sink{
        loop, [this](const http_sink::request& r) { return answers[std::string(r.target())]; }};
    supe::simulation::world w{};
    lines results{};
    unsigned reports = 0;
    component* queue = nullptr;
    component* lock = nullptr;
    bool lock_gives = true;
    std::size_t asked = 0, released = 0, abandoned = 0;

    explicit scene(unsigned connections = 2, const std::string& to = "",
                   const std::string& more = "") {
        w.provide("forwarder", [](component& self) {
            return components::run_forwarder(self, components::forwarder_surroundings());
        });
        w.provide("queue", [this](component& self) { return be_queue(self); });
        w.provide("lock", [this](component& self) { return be_lock(self); });
        w.run(fmt::format(
            R"({{"name": "t", "children": [{{"name": "lock", "component": "lock"}}, {{"name": "queue", "component": "queue"}},
            {{"name": "forwarder", "component": "forwarder", "demand": true,
              "config": {{"to": "{}", "connections": {}, "timeout": "5s", "idle": "30s", "lock": "/lock"{}}}}}]}})",
            to.empty() ? sink.url() + "/in" : to, connections, more));
    }
    ~scene() {
        w.root().shutdown();
        until([this] { return w.ended(); });
    }

    awaitable<> be_queue(component& self) {
        queue = &self;
        while (auto mail = co_await self.receive()) {
            ++reports;
            const auto body = mail->value();
            for (const auto& one : body.at("results").as_array())
                results.push_back(boost::json::serialize(one));
            mail->ack();
        }
    }
    awaitable<> be_lock(component& self) {
        lock = &self;
        self.set_window(64);
        while (auto mail = co_await self.receive()) {
            const bool asks = mail->body().starts_with(R"({"acquire")");
            asked += asks;
            released += mail->body().starts_with(R"({"release")");
            abandoned += mail->body().starts_with(R"({"abandon")");
            if (asks && lock_gives)
                self.answer(mail->from(), mail->call(), fmt::format(R"({{"permit":"{}"}})", asked));
            mail->ack();
        }
    }
    void send(std::string body) {
        queue->tell("forwarder", std::move(body));
        w.run_ready();
    }
    void recall() {
        lock->tell("forwarder", R"({"recall":{"pid":1,"started":2}})");
        w.run_ready();
    }
    /// Runs both sides in real time; virtual time stands still.
    bool until(const std::function<bool()>& fact) {
        return loop.until([&] { return w.run_ready(), fact(); }, 10s);
    }
    /// One turn of both sides.
    void until_now() {
        loop.run_for(1ms);
        w.run_ready();
    }
    /// The next n results, in order.
    lines next(std::size_t n) {
        BOOST_TEST(until([&] { return results.size() >= n; }),
                   fmt::format("{} of {} results", results.size(), n));
        return std::exchange(results, {});
    }
    lines targets() const {
        lines all;
        for (const auto& r : sink.received()) all.emplace_back(r.target());
        return all;
    }
};

std::string result(const std::string& id, unsigned attempt, int status,
                   const std::string& more = "", unsigned ms = 0) {
    return fmt::format(R"({{"id":"{}","attempt":{},"status":{},"ms":{}{}}})", id, attempt, status,
                       ms, more);
}

void same(lines found, const lines& expected) {
    BOOST_TEST(found == expected, fmt::format("[{}]", fmt::join(found, ", ")));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(forwarder)

// Webhooks go one after the other over one connection with one permit, each with its result.
BOOST_AUTO_TEST_CASE(delivers_and_reports) {
    scene s;
    for (const char* id : {"a", "b", "c"}) {
        s.send(webhook_mail(id));
        same(s.next(1), {result(id, 1, 200)});
    }
    same(s.targets(), {"/in/a", "/in/b", "/in/c"});
    BOOST_TEST(s.sink.received()[0].body() == "hello");
    BOOST_TEST(s.sink.most_open() == 1u);
    BOOST_TEST(s.asked == 1u);
    BOOST_TEST(s.w.count("component-crashed") == 0u);
}

// Two webhooks that arrive together are delivered together; never more than there are connections;
// no webhook waits for the next mail.
BOOST_AUTO_TEST_CASE(works_in_parallel_within_its_connections) {
    scene s(3);
    for (int i = 0; i < 7; ++i) s.answers[fmt::format("/in/w{}", i)].after = 50ms;
    s.queue->tell("forwarder", webhook_mail("w0"));
    s.queue->tell("forwarder", webhook_mail("w1"));
    s.w.run_ready();
    BOOST_TEST(s.until([&] { return s.sink.open() == 2; }));
    s.next(2);
    BOOST_TEST(s.sink.most_open() == 2u);
    for (int i = 2; i < 7; ++i) s.queue->tell("forwarder", webhook_mail(fmt::format("w{}", i)));
    s.next(5);
    BOOST_TEST(s.sink.most_open() == 3u);
    BOOST_TEST(s.asked == 3u);
}

// What is done together is reported in one mail, and what is done while that is on its way in the
// next one.
BOOST_AUTO_TEST_CASE(results_go_together) {
    scene s(3);
    std::size_t results = 0;
    // On a busy machine the answers of a round may come one by one.
    for (int round = 0; round < 20 && s.reports == results; ++round) {
        for (const char* name : {"a", "b", "c"}) {
            const std::string id = fmt::format("{}{}", name, round);
            s.answers["/in/" + id].after = 20ms;
            s.queue->tell("forwarder", webhook_mail(id));
        }
        results += 3;
        BOOST_TEST(s.until([&] { return s.sink.received().size() == results; }));
        s.loop.run_for(100ms);  // the answers are there before the forwarder goes on
        BOOST_TEST(s.next(3).size() == 3u);
    }
    BOOST_TEST(s.reports < results);
}

// The status of the destination is reported, with its Retry-After; without a connection it is
// status 0 with the reason.
BOOST_AUTO_TEST_CASE(reports_failures) {
    scene s(3);  // all begin before the 410
    s.answers["/in/a"] = {503, {}, {{"Retry-After", "7"}}};
    s.answers["/in/b"] = {410};
    s.answers["/in/c"] = {302, {}, {{"Location", "/elsewhere"}}};
    for (const char* id : {"a", "b", "c"}) s.send(webhook_mail(id, 4));
    lines all = s.next(3);
    std::ranges::sort(all);
    same(all, {result("a", 4, 503, R"(,"retry_after_ms":7000)"), result("b", 4, 410),
               result("c", 4, 302)});
    s.recall();
    BOOST_TEST(s.until([&] { return s.sink.open() == 0; }));
    s.sink.go_down();
    s.send(webhook_mail("d"));
    const lines refused = s.next(1);
    BOOST_TEST(refused.at(0).find(R"("status":0,"ms":0,"error":"127.0.0.1:)") != std::string::npos,
               refused.at(0));
    BOOST_TEST(refused[0].find("Connection refused") != std::string::npos);
    BOOST_TEST(s.until([&] { return s.released == s.asked; }));
    BOOST_TEST(s.abandoned == 0u);
}

// After a 410 the queue has back what has not begun. It comes again as if it had not been here.
BOOST_AUTO_TEST_CASE(gives_back_after_a_410) {
    scene s(1);
    s.answers["/in/a"] = {410};
    for (const char* id : {"a", "b", "c"}) s.send(webhook_mail(id));
    same(s.next(3), {result("a", 1, 410), R"({"id":"b","attempt":1,"not_tried":true})",
                     R"({"id":"c","attempt":1,"not_tried":true})"});
    BOOST_TEST(s.sink.received().size() == 1u);
    s.send(webhook_mail("b"));
    same(s.next(1), {result("b", 1, 200)});
}

// What is given back was not delivered, also where an earlier attempt was: a replay after that is
// sent.
BOOST_AUTO_TEST_CASE(a_replay_that_was_given_back) {
    scene s(1);
    s.send(webhook_mail("b"));
    same(s.next(1), {result("b", 1, 200)});
    s.answers["/in/a"] = {410};
    s.send(webhook_mail("a"));
    s.send(webhook_mail("b", 2));
    same(s.next(2), {result("a", 1, 410), R"({"id":"b","attempt":2,"not_tried":true})"});
    const std::size_t seen = s.sink.received().size();
    s.send(webhook_mail("b", 2));
    same(s.next(1), {result("b", 2, 200)});
    BOOST_TEST(s.sink.received().size() == seen + 1);
}

// An answer that does not come in time counts as no answer; the connection is closed and its permit
// given back.
BOOST_AUTO_TEST_CASE(timeouts) {
    scene s;
    s.answers["/in/a"].after = 1h;
    s.send(webhook_mail("a"));
    BOOST_TEST(s.until([&] { return s.sink.open() == 1; }));
    s.loop.run_for(20ms);
    s.w.advance(5s);
    same(s.next(1), {result("a", 1, 0, R"(,"error":"timed out")", 5000)});
}

// One attempt is one attempt: a webhook that ends the destination on a connection that it had kept
// is not sent again by itself. Where the destination had ended the connection before, it never saw
// the webhook, and gets it over another one at once.
BOOST_AUTO_TEST_CASE(one_attempt_is_one_attempt) {
    using support::ok;
    using support::script;
    support::event_loop loop;
    support::scripted_destination d(
        loop, {{{ok(), ""}, script::close}, {{ok()}, script::close}, {{ok()}, script::hold}});
    scene s(1, fmt::format("http://{}", d.peer()));
    const auto next = [&] {
        BOOST_TEST(loop.until([&] { return s.until_now(), s.results.size() == 1; }, 10s));
        return std::exchange(s.results, {});
    };
    s.send(webhook_mail("a"));
    same(next(), {result("a", 1, 200)});
    s.send(webhook_mail("poison"));
    same(next(),
         {result("poison", 1, 0, R"(,"error":"closed by the destination before it answered")")});
    BOOST_TEST(d.accepted == 1u);
    s.send(webhook_mail("b"));
    same(next(), {result("b", 1, 200)});
    BOOST_TEST(loop.until([&] { return d.open == 0; }, 5s));
    s.send(webhook_mail("c"));
    same(next(), {result("c", 1, 200)});
    BOOST_TEST(d.accepted == 3u);
    BOOST_TEST(d.heads.size() == 4u);
    d.let_go();
    loop.run_for(50ms);
}

// A route that is told so: its name in the results, its own path for all webhooks, and a fresh
// signature on each.
BOOST_AUTO_TEST_CASE(a_route) {
    const support::temporary_directory files{support::in_memory()};
    const std::string key =
        support::write_file(files / "key", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
    scene s(1, "",
            fmt::format(R"(, "route": "shop", "exact": true, "sign": {{"key_file": "{}"}})", key));
    s.send(webhook_mail("a"));
    same(s.next(1), {R"({"id":"a","attempt":1,"status":200,"route":"shop","ms":0})"});
    same(s.targets(), {"/in"});
    const auto& r = s.sink.received()[0];
    BOOST_TEST(r["webhook-id"] == "a");
    BOOST_TEST(r["webhook-timestamp"] != "");
    BOOST_TEST(r["webhook-signature"].starts_with("v1,"));
}

// No more deliveries start than the rate allows; who waits for that gives way to a shutdown.
BOOST_AUTO_TEST_CASE(a_rate) {
    scene s(4, "", R"(, "rate": "2/s")");
    for (const char* id : {"a", "b", "c", "d"}) s.send(webhook_mail(id));
    s.next(2);
    s.loop.run_for(20ms);
    s.until_now();
    BOOST_TEST(s.sink.received().size() == 2u);
    s.w.advance(500ms);
    s.next(1);
    BOOST_TEST(s.sink.received().size() == 3u);
    BOOST_TEST(s.w.by_hand(s.w.root().admin().restart("forwarder")) == "");
    s.next(1);
    BOOST_TEST(s.sink.received().size() == 4u);
    BOOST_TEST(s.w.count("component-crashed") == 0u);
}

// The whole of an attempt, with the connection, is no longer than the total; and a destination that
// does not close a connection holds its permit for as long again.
BOOST_AUTO_TEST_CASE(a_hanging_destination) {
    support::event_loop loop;
    support::scripted_destination d(loop, {{{""}, support::script::hold}});
    scene s(1, fmt::format("http://{}", d.peer()));
    s.send(webhook_mail("a"));
    BOOST_TEST(loop.until([&] { return s.until_now(), d.heads.size() == 1; }, 10s));
    s.w.advance(5s);
    same(s.next(1), {result("a", 1, 0, R"(,"error":"timed out")", 5000)});
    BOOST_TEST(s.released == 0u);
    s.w.advance(5s);
    BOOST_TEST(s.until([&] { return s.released == 1; }));
    d.let_go();
    loop.run_for(50ms);
}

// An idle connection is closed after half of `idle`, the process ends after all of it, and the next
// mail starts it again.
BOOST_AUTO_TEST_CASE(idle) {
    scene s;
    s.send(webhook_mail("a"));
    s.next(1);
    s.w.advance(14s);
    s.loop.run_for(5ms);
    BOOST_TEST(s.sink.open() == 1u);
    s.w.advance(1s);
    BOOST_TEST(s.until([&] { return s.sink.open() == 0 && s.released == 1; }));
    s.w.advance(16s);
    BOOST_TEST(s.until([&] { return s.w.pid_of("/forwarder") == 0; }));
    BOOST_TEST(s.w.count("component-shutdown") == 1u);
    s.send(webhook_mail("b"));
    same(s.next(1), {result("b", 1, 200)});
    BOOST_TEST(s.w.starts_of("/forwarder") == 2u);
}

// After a recall it gives back an unused permit at once, and a used one after its delivery.
BOOST_AUTO_TEST_CASE(recalled) {
    scene s;
    s.answers["/in/slow"].after = 50ms;
    s.send(webhook_mail("a"));
    s.next(1);
    s.recall();
    BOOST_TEST(s.until([&] { return s.sink.open() == 0 && s.released == 1; }));
    s.send(webhook_mail("slow"));
    BOOST_TEST(s.until([&] { return s.sink.open() == 1; }));
    s.recall();
    same(s.next(1), {result("slow", 1, 200)});
    BOOST_TEST(s.until([&] { return s.sink.open() == 0 && s.released == 2; }));
}

// A connection that becomes free goes to the webhook that waits for a permit, before a younger one
// is begun. The request for the permit is taken back.
BOOST_AUTO_TEST_CASE(a_free_connection_goes_to_who_waits) {
    scene s;
    // Long enough for the next one to be waiting: else the worker that is free keeps its
    // connection.
    for (const char* path : {"/in/a", "/in/b", "/in/c"}) s.answers[path].after = 50ms;
    s.send(webhook_mail("a"));
    BOOST_TEST(s.until([&] { return s.sink.open() == 1; }));
    s.lock_gives = false;
    for (const char* id : {"b", "c", "d"}) s.send(webhook_mail(id));
    same(s.next(4),
         {result("a", 1, 200), result("b", 1, 200), result("c", 1, 200), result("d", 1, 200)});
    BOOST_TEST(s.asked > 1u);
    BOOST_TEST(s.until([&] { return s.released == s.asked - 1; }));
    BOOST_TEST(s.sink.open() == 1u);
    BOOST_TEST(s.abandoned == 0u);
}

// While a webhook waits for the rate, an idle connection can be called back.
BOOST_AUTO_TEST_CASE(recalled_while_a_rate_holds_back) {
    scene s(2, "", R"(, "rate": "1/h")");
    s.send(webhook_mail("a"));
    s.next(1);
    s.send(webhook_mail("b"));
    s.recall();
    BOOST_TEST(s.until([&] { return s.sink.open() == 0 && s.released == 1; }));
    BOOST_TEST(s.results.empty());
}

// The same webhook again (the queue died before it noted the result): it is not delivered twice at
// once, and not when its result is known.
BOOST_AUTO_TEST_CASE(the_same_one_again) {
    scene s;
    s.answers["/in/a"].after = 50ms;
    s.answers["/in/b"].status = 503;
    s.send(webhook_mail("a"));
    s.send(webhook_mail("a"));
    same(s.next(1), {result("a", 1, 200)});
    s.send(webhook_mail("a"));
    s.send(webhook_mail("b"));
    same(s.next(2), {result("a", 1, 200), result("b", 1, 503)});
    s.send(webhook_mail("b"));
    same(s.next(1), {result("b", 1, 503)});
    s.send(webhook_mail("b", 2));
    same(s.next(1), {result("b", 2, 503)});
    same(s.targets(), {"/in/a", "/in/b", "/in/b"});
    BOOST_TEST(s.results.empty());
}

// The next attempt is asked for while one is made once more (the forwarder died after its report):
// it has its turn after that one, and is not needed where that one succeeds.
BOOST_AUTO_TEST_CASE(the_next_attempt_meanwhile) {
    scene s;
    for (const char* path : {"/in/a", "/in/b"}) s.answers[path].after = 50ms;
    s.answers["/in/a"].status = 503;
    s.send(webhook_mail("a"));
    s.send(webhook_mail("a", 2));
    same(s.next(2), {result("a", 1, 503), result("a", 2, 503)});
    s.send(webhook_mail("b"));
    s.send(webhook_mail("b", 2));
    same(s.next(2), {result("b", 1, 200), result("b", 2, 200)});
    same(s.targets(), {"/in/a", "/in/a", "/in/b"});
    s.send(webhook_mail("b", 3));  // a replay
    same(s.next(1), {result("b", 3, 200)});
    same(s.targets(), {"/in/a", "/in/a", "/in/b", "/in/b"});
}

// A mail that is not a webhook goes to the dead letters with the reason, and holds up no other
// mail.
BOOST_AUTO_TEST_CASE(nonsense) {
    scene s;
    for (const char* body :
         {"7", "{}", R"({"attempt":0,"webhook":{}})", R"({"attempt":1,"webhook":{"id":"x"}})"})
        s.send(body);
    s.send(webhook_mail("a"));
    same(s.next(1), {result("a", 1, 200)});
    BOOST_TEST(s.w.count("mail-dead-lettered") == 4u);
    BOOST_TEST(s.w.count("component-crashed") == 0u);
}

// SUPE-SHUTDOWN while it waits for a permit ends it at once, and the webhook stays for the next
// life.
BOOST_AUTO_TEST_CASE(shutdown_does_not_wait_for_a_permit) {
    scene s;
    s.lock_gives = false;
    s.send(webhook_mail("a"));
    BOOST_TEST(s.until([&] { return s.asked == 1; }));
    const auto before = s.w.time().now();
    s.lock_gives = true;
    BOOST_TEST(s.w.by_hand(s.w.root().admin().restart("forwarder")) == "");
    BOOST_TEST((s.w.time().now() - before < 1s));
    same(s.next(1), {result("a", 1, 200)});
    BOOST_TEST(s.w.starts_of("/forwarder") == 2u);
    BOOST_TEST(s.w.count("component-crashed") == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
