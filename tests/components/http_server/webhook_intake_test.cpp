// Shows what senders are answered when a webhook is kept, refused or in doubt (contract §7), in
// simulation.
#include "components/http_server/webhook_intake.hpp"
#include "supe/simulation/world.hpp"

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using components::http_answer;
using components::http_request;
using supe::awaitable;
using supe::component;
using supe::simulation::world;

namespace {

/// A door, and a keeper behind it that does what it is told to.
struct scene {
    world w;
    enum class mood { keeps, refuses, says_nothing } keeper = mood::keeps;
    std::vector<components::webhook> kept{};
    std::size_t asked = 0;
    component* self = nullptr;
    std::optional<components::webhook_intake> door{};
    supe::nursery* requests = nullptr;
    std::vector<http_answer> answers{};

    scene() {
        w.provide("door", [this](component& c) { return be_door(c); });
        w.provide("keeper", [this](component& c) { return keep(c); });
        w.run(
            R"({"name": "t", "children": [{"name": "keeper", "component": "keeper"}, {"name": "door", "component": "door"}]})");
    }
    ~scene() { w.stop(); }

    awaitable<> be_door(component& c) {
        supe::nursery all(c.time());
        door.emplace(c, "/keeper");
        self = &c;
        requests = &all;
        all.start(end_with(c, all));
        co_await all.join();
        requests = nullptr;
    }
    awaitable<> end_with(component& c, supe::nursery& all) {
        co_await c.shutdown_requested();
        all.cancel();
    }
    awaitable<> keep(component& c) {
        c.set_window(16);
        while (auto mail = co_await c.receive()) {
            ++asked;
            if (keeper == mood::refuses) co_await mail->reject("the queue is full");
            if (keeper != mood::keeps) continue;
            const auto text = mail->value();
            kept.push_back(components::webhook_from_json(text));
            co_await mail->ack();
        }
    }
    awaitable<> ask(http_request request) {
        http_answer a = co_await door->answer(std::move(request));
        answers.push_back(std::move(a));
    }
    /// The answers that come within `limit`.
    std::vector<http_answer> send(http_request request, supe::duration limit = 0s) {
        requests->start(ask(std::move(request)));
        w.advance(limit);
        return std::exchange(answers, {});
    }
};

http_request post(const std::string& body = "hello") {
    return {"POST",
            "/a?b",
            {{"Host", "h"},
             {"X-B", "1"},
             {"Connection", "X-C"},
             {"X-C", "2"},
             {"X-A", "3"},
             {"X-B", "4"}},
            body,
            "192.0.2.1"};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(webhook_intake)

// 200 with its id, once it is kept; what is kept is what came, without what concerned the
// connection.
BOOST_AUTO_TEST_CASE(kept) {
    scene s;
    const auto answers = s.send(post(std::string("\0\xff", 2)));
    BOOST_REQUIRE(answers.size() == 1u);
    BOOST_TEST(answers[0].status == 200u);
    BOOST_REQUIRE(s.kept.size() == 1u);
    const components::webhook& w = s.kept[0];
    BOOST_TEST(components::field(answers[0].headers, "Supe-Webhook-Id") == w.id);
    BOOST_TEST(w.method == "POST");
    BOOST_TEST(w.target == "/a?b");
    BOOST_TEST(w.remote == "192.0.2.1");
    BOOST_TEST((w.body == std::string("\0\xff", 2)));
    BOOST_TEST((w.headers ==
                components::http_fields{{"Host", "h"}, {"X-B", "1"}, {"X-A", "3"}, {"X-B", "4"}}));
    BOOST_TEST(w.received_at == std::chrono::duration_cast<std::chrono::milliseconds>(
                                    s.w.time().wall().time_since_epoch())
                                    .count());
}

// The four methods are kept; GET and HEAD are answered and not kept; others are not for here.
BOOST_AUTO_TEST_CASE(methods) {
    scene s;
    for (const char* method : {"POST", "PUT", "PATCH", "DELETE", "GET", "HEAD"}) {
        http_request r = post();
        r.method = method;
        const auto answers = s.send(r);
        BOOST_TEST(answers.at(0).status == 200u, method);
        BOOST_TEST(!answers.at(0).text.empty());
    }
    BOOST_TEST(s.kept.size() == 4u);
    BOOST_TEST(s.kept[3].method == "DELETE");
    for (const char* method : {"OPTIONS", "TRACE", "PROPFIND", "post"}) {
        http_request r = post();
        r.method = method;
        const auto answers = s.send(r);
        BOOST_TEST(answers.at(0).status == 405u, method);
        BOOST_TEST(components::field(answers[0].headers, "Allow") ==
                   "GET, HEAD, POST, PUT, PATCH, DELETE");
    }
    BOOST_TEST(s.kept.size() == 4u);
}

// Refused: 503 with Retry-After, never a 4xx; for a second the queue is not asked again, then it
// is.
BOOST_AUTO_TEST_CASE(a_refusal_is_our_fault) {
    scene s;
    s.keeper = scene::mood::refuses;
    const auto answers = s.send(post());
    BOOST_REQUIRE(answers.size() == 1u);
    BOOST_TEST(answers[0].status == 503u);
    BOOST_TEST(components::field(answers[0].headers, "Retry-After") == "5");
    s.keeper = scene::mood::keeps;
    BOOST_TEST(s.send(post()).at(0).status == 503u);
    s.w.advance(999ms);
    BOOST_TEST(s.send(post()).at(0).status == 503u);
    BOOST_TEST(s.asked == 1u);
    s.w.advance(1ms);
    BOOST_TEST(s.send(post()).at(0).status == 200u);
    BOOST_TEST(s.asked == 2u);
}

// A queue that is down, or says nothing, is waited for up to 20 s; a queue that crashed meanwhile
// keeps it all the same.
BOOST_AUTO_TEST_CASE(patience) {
    scene s;
    s.keeper = scene::mood::says_nothing;
    BOOST_TEST(s.send(post(), 19s).empty());
    s.keeper = scene::mood::keeps;
    s.w.crash("/keeper");
    s.w.run_ready();
    BOOST_REQUIRE(s.answers.size() == 1u);
    BOOST_TEST(std::exchange(s.answers, {})[0].status == 200u);
    s.keeper = scene::mood::says_nothing;
    const auto late = s.send(post(), 20s);
    BOOST_REQUIRE(late.size() == 1u);
    BOOST_TEST(late[0].status == 503u);
    BOOST_TEST(components::field(late[0].headers, "Retry-After") == "5");
}

// Nobody there at all: 503 at once.
BOOST_AUTO_TEST_CASE(no_queue) {
    scene s;
    s.door.emplace(*s.self, "/nobody");
    BOOST_TEST(s.send(post()).at(0).status == 503u);
}

BOOST_AUTO_TEST_SUITE_END()
