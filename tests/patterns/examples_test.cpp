// Runs the examples that users copy, in virtual time: what they do, and what a crash costs.
#include "patterns/examples/poller.hpp"
#include "patterns/examples/scaler.hpp"
#include "patterns/examples/workers.hpp"
#include "supe/simulation/world.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <map>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::component;
using supe::simulation::world;

namespace {

/// Answers each call, or fails to for a while.
struct service {
    bool hangs = false;
    std::map<std::string, int> asked{};
    std::string answer = "1";
    unsigned at_once = 0, most_at_once = 0;

    awaitable<> operator()(component& self) {
        self.set_window(10);
        supe::nursery all(self.time());
        while (auto question = co_await self.receive()) all.start(one(self, std::move(*question)));
        all.cancel();
        co_await all.join();
    }
    awaitable<> one(component& self, supe::mail question) {
        ++asked[question.body()];
        most_at_once = std::max(most_at_once, ++at_once);
        co_await self.time().sleep_for(100ms);
        --at_once;
        if (!hangs) question.answer(answer);
        question.ack();
    }
};

constexpr const char* poller_tree = R"({"name": "t", "children": [
    {"name": "stock", "component": "service", "mail": {"window": 10}},
    {"name": "poller", "component": "poller", "config": {
        "source": "stock", "items": ["a", "b", "c"], "every": "1m", "per_second": 2}}]})";

constexpr const char* workers_tree = R"({"name": "t", "children": [
    {"name": "service", "component": "service", "mail": {"window": 10}},
    {"name": "workers", "component": "workers", "shutdown": "20s", "mail": {"window": 8}}]})";

/// The workers keep their ids in a directory of the test.
struct workers_scene {
    workers_scene() {
        w.provide("service", std::ref(s));
        w.provide("workers", [this](component& self) -> awaitable<> {
            patterns::dedupe done{place / "done", 100};
            const auto handle = [&](supe::mail job) {
                return examples::do_job(self, done, std::move(job));
            };
            co_await patterns::graceful_shutdown(self, {.at_once = 4, .grace = 15s}, handle);
        });
        w.run(workers_tree);
    }
    support::temporary_directory place{};
    service s{};
    world w{};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(examples)

// Each item once a minute, at most two a second; only a change is published.
BOOST_AUTO_TEST_CASE(polls) {
    service s;
    world w;
    w.provide("service", std::ref(s));
    w.provide("poller", examples::poller);
    w.run(poller_tree);
    BOOST_TEST(s.asked.size() == 1u);
    w.advance(700ms);
    BOOST_TEST(s.asked.size() == 2u);
    w.advance(10s);
    BOOST_TEST(s.asked.size() == 3u);
    BOOST_TEST(w.count("changed") == 3u);
    w.advance(1min);
    BOOST_TEST(s.asked[R"("a")"] == 2);
    BOOST_TEST(w.count("changed") == 3u);
    s.answer = "2";
    w.advance(1min);
    BOOST_TEST(w.count("changed") == 6u);
    BOOST_TEST(w.stop(5s));
}

// A source that does not answer costs three tries, and the next round asks again. A crash of the
// poller costs what it knew: all is published once more.
BOOST_AUTO_TEST_CASE(polls_after_trouble) {
    service s{.hangs = true};
    world w;
    w.provide("service", std::ref(s));
    w.provide("poller", examples::poller);
    w.run(poller_tree);
    w.advance(50s);
    BOOST_TEST(s.asked[R"("a")"] == 3);
    BOOST_TEST(w.count("changed") == 0u);
    s.hangs = false;
    w.advance(1min);
    BOOST_TEST(w.count("changed") == 3u);
    BOOST_TEST(w.crash("/poller"));
    w.advance(30s);
    BOOST_TEST(w.count("changed") == 6u);
}

// Four jobs at once; each is done once, also where the workers crash or are stopped meanwhile.
BOOST_AUTO_TEST_CASE(works) {
    workers_scene t;
    for (int job = 1; job <= 8; ++job) t.w.mail("workers", std::to_string(job));
    t.w.advance(10s);
    BOOST_TEST(t.s.most_at_once == 4u);
    for (int job = 1; job <= 8; ++job) BOOST_TEST(t.s.asked[std::to_string(job)] == 1);
    t.w.mail("workers", "9");
    t.w.advance(50ms);
    BOOST_TEST(t.w.by_hand(t.w.root().admin().restart("workers")) == "");
    t.w.advance(10s);
    BOOST_TEST(t.s.asked["9"] == 1);
    BOOST_TEST(t.w.count("mail-dead-lettered") == 0u);
    BOOST_TEST(t.w.stop(5s));
}

// A service that never answers makes a dead letter of the job after five tries, and nothing else
// waits for it.
BOOST_AUTO_TEST_CASE(gives_a_job_up) {
    workers_scene t;
    t.s.hangs = true;
    t.w.mail("workers", "1");
    t.w.advance(1min);
    BOOST_TEST(t.s.asked["1"] == 5);
    BOOST_TEST(t.w.count("mail-dead-lettered") == 1u);
    t.s.hangs = false;
    t.w.mail("workers", "2");
    t.w.advance(1s);
    BOOST_TEST(t.s.asked["2"] == 1);
}

// The scaler brings workers while jobs wait, says so, and takes them away again.
BOOST_AUTO_TEST_CASE(scales) {
    world w;
    w.provide("scaler", examples::scaler);
    w.provide("crew", [](component& self) -> awaitable<> {
        while (auto job = co_await self.receive()) {
            co_await self.shutdown_requested_until(self.time().now() + 1s);
            if (!self.shutting_down()) job->ack();
        }
    });
    w.run(R"({"name": "t", "children": [
        {"name": "crew", "component": "crew"},
        {"name": "scaler", "component": "scaler", "may": ["scale"], "config":
            {"sibling": "crew", "most": 3, "mails_each": 5, "calm": "20s"}}]})");
    const auto instances = [&] { return w.root().members("crew").size(); };
    for (int job = 0; job < 60; ++job) w.mail("crew", "1");
    w.advance(5s);
    BOOST_TEST(instances() == 3u);
    BOOST_TEST(w.root().find("scaler")->status_text().ends_with(", instances of crew: 3"));
    w.advance(1min);
    BOOST_TEST(instances() == 1u);
    BOOST_TEST(w.count("scaler-crashed") == 0u);
    BOOST_TEST(w.stop(5s));
}

BOOST_AUTO_TEST_SUITE_END()
