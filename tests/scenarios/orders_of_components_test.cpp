// Scenarios of a component that orders its supervisor about (contract §5 `may`): an overseer is a
// child like any other.
#include "tests/support/players.hpp"

#include <boost/test/unit_test.hpp>

using support::provide_players;
using namespace std::chrono_literals;
using supe::awaitable;
using supe::component;
using supe::simulation::world;
using status = supe::restarter::status;

namespace {

using work = std::function<awaitable<>(supe::own_supervisor)>;

/// Does `orders` once, in its first life, and notes how that ended.
struct scene {
    explicit scene(work orders) : orders_(std::move(orders)) {
        provide_players(w);
        w.provide("boss", [this](component& self) { return boss(self); });
    }
    void run(const std::string& more, const std::string& tree = "") {
        w.run(fmt::format(R"({{"name": "t", {} "children": [
            {{"name": "a", "component": "diligent"}},
            {{"name": "boss", "component": "boss", {} "may": ["start", "stop", "restart", "scale"]}},
            {{"name": "b", "component": "slow"}}]}})",
                          tree, more));
    }
    status status_of(const std::string& name) { return w.root().status_of(*w.root().find(name)); }
    world w;
    std::string result = "under way";
    unsigned lives = 0;

private:
    awaitable<> boss(component& self) {
        if (++lives == 1) {
            try {
                co_await orders_(self.supervisor());
                result = "done";
            } catch (const std::exception& e) {
                if (supe::is_cancellation(std::current_exception())) throw;
                result = e.what();
            }
        }
        co_await self.shutdown_requested();
    }
    work orders_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(orders_of_components)

// Stop, start, restart and scale, each done when it is answered; nothing else in the tree is
// touched.
BOOST_AUTO_TEST_CASE(all_orders) {
    std::vector<status> seen;
    scene* at = nullptr;
    scene s([&](supe::own_supervisor boss) -> awaitable<> {
        co_await boss.stop("b");
        seen.push_back(at->status_of("b"));
        co_await boss.start("b");
        seen.push_back(at->status_of("b"));
        const pid_t before = at->w.pid_of("/b");
        co_await boss.restart("b");
        BOOST_TEST(at->w.pid_of("/b") != before);
        co_await boss.scale("a", 3);
        seen.push_back(at->status_of("a.3"));
    });
    at = &s;
    s.run("");
    s.w.advance(10s);
    BOOST_TEST(s.result == "done");
    BOOST_TEST((seen == std::vector{status::stopped, status::running, status::running}));
    BOOST_TEST(s.w.starts_of("/b") == 3u);
    BOOST_TEST(s.w.starts_of("/boss") == 1u);
    BOOST_TEST(s.w.count("component-crashed") == 0u);
    BOOST_TEST(s.w.stop());
}

// What `may` does not have is refused with the field's name; the child goes on.
BOOST_AUTO_TEST_CASE(not_allowed) {
    std::string refusal;
    const auto ask = [&](component& self) -> awaitable<> {
        try {
            co_await self.supervisor().scale("a", 2);
        } catch (const std::runtime_error& e) {
            refusal = e.what();
        }
        co_await self.shutdown_requested();
    };
    world w;
    provide_players(w);
    w.provide("boss", ask);
    w.run(R"({"name": "t", "children": [{"name": "a", "component": "diligent"},
        {"name": "boss", "component": "boss", "may": ["restart"]}]})");
    BOOST_TEST(refusal ==
               "scale a: boss may not scale siblings: \"may\" of boss in the tree file has no "
               "\"scale\"");
    BOOST_TEST(w.root().find("a.2") == nullptr);
    BOOST_TEST(w.starts_of("/boss") == 1u);
}

// What `may` says is policy: a reload changes it without a new process.
BOOST_AUTO_TEST_CASE(may_is_reloaded) {
    std::vector<std::string> outcomes;
    const auto tree = [](const char* may) {
        return fmt::format(R"({{"name": "t", "children": [{{"name": "a", "component": "diligent"}},
            {{"name": "boss", "component": "boss", "may": [{}]}}]}})",
                           may);
    };
    const auto ask = [&](component& self) -> awaitable<> {
        while (!self.shutting_down()) {
            try {
                co_await self.supervisor().restart("a");
                outcomes.push_back("done");
            } catch (const std::runtime_error& e) {
                if (self.shutting_down()) break;
                outcomes.push_back("refused");
            }
            co_await self.shutdown_requested_until(self.time().now() + 1min);
        }
    };
    world w;
    provide_players(w);
    w.provide("boss", ask);
    w.run(tree(""));
    w.advance(1s);
    BOOST_TEST(
        w.by_hand(w.root().admin().reload(supe::parse_tree(tree(R"("restart")"), "t", "/"))) == "");
    w.advance(1min);
    BOOST_TEST(outcomes == (std::vector<std::string>{"refused", "done"}),
               boost::test_tools::per_element());
    BOOST_TEST(w.starts_of("/boss") == 1u);
}

// Errors are those of an operator: an unknown name, a start that fails, a number that cannot be.
BOOST_AUTO_TEST_CASE(failures) {
    std::vector<std::string> errors;
    const auto note = [&](awaitable<> order) -> awaitable<> {
        try {
            co_await std::move(order);
        } catch (const std::runtime_error& e) {
            errors.push_back(e.what());
        }
    };
    scene* at = nullptr;
    scene s([&](supe::own_supervisor boss) -> awaitable<> {
        co_await note(boss.start("nobody"));
        co_await note(boss.scale("a", 0));
        co_await note(boss.stop("boss"));
        at->w.fail_next_starts("/b", 1, {"EAGAIN", "no process"});
        co_await note(boss.restart("b"));
    });
    at = &s;
    s.run("");
    s.w.advance(10s);
    const std::vector<std::string> expected{
        "start nobody: no such child: nobody",
        "scale a: instances: must be a whole number from 1 to 10000",
        "stop boss: boss may not stop itself: orders are for siblings",
        "restart b: /b did not come up: no process"};
    BOOST_TEST(errors == expected, boost::test_tools::per_element());
    BOOST_TEST((s.status_of("b") == status::stopped));
}

// An order goes on when the one who gave it dies meanwhile, and its next life gets no answer.
BOOST_AUTO_TEST_CASE(the_asker_dies) {
    scene s([](supe::own_supervisor boss) { return boss.restart("b"); });
    s.run("");
    s.w.advance(1s);  // b needs two seconds to stop
    BOOST_TEST((s.status_of("b") == status::stopping));
    BOOST_TEST(s.w.crash("/boss"));
    s.w.advance(10s);
    BOOST_TEST(s.lives == 2u);
    BOOST_TEST(s.result == "under way");
    BOOST_TEST((s.status_of("b") == status::running));
    BOOST_TEST(s.w.starts_of("/b") == 2u);
    BOOST_TEST(s.w.count("component-bad-frame") == 0u);
}

// The tree ends while an order waits: nothing hangs.
BOOST_AUTO_TEST_CASE(the_tree_ends) {
    scene s([](supe::own_supervisor boss) { return boss.restart("b"); });
    s.run("");
    s.w.advance(1s);
    BOOST_TEST(s.w.stop(10s));
    BOOST_TEST(s.w.clean_up());
}

// A hundred orders of one child at once: most places of the queue are left to operators and to
// siblings.
BOOST_AUTO_TEST_CASE(operators_are_not_kept_out) {
    unsigned refused = 0, done = 0;
    const auto one = [&](supe::own_supervisor boss) -> awaitable<> {
        try {
            co_await boss.restart("b");
            ++done;
        } catch (const std::runtime_error& e) {
            BOOST_TEST(std::string(e.what()) ==
                       "restart b: 16 orders of boss wait already: try again when some are done");
            ++refused;
        }
    };
    scene* at = nullptr;
    scene s([&](supe::own_supervisor boss) -> awaitable<> {
        supe::nursery all(at->w.time());
        for (int i = 0; i < 100; ++i) all.start(one(boss));
        co_await all.join();
    });
    at = &s;
    s.run("");
    s.w.run_ready();
    BOOST_TEST(refused == 84u);
    BOOST_TEST(s.w.by_hand(s.w.root().admin().stop("a"), 5min) == "");
    s.w.advance(5min);
    BOOST_TEST(done == 16u);
}

// Anybody may ask how a sibling is: its instances and its mail.
BOOST_AUTO_TEST_CASE(status_of_a_sibling) {
    std::string seen;
    const auto look = [&](component& self) -> awaitable<> {
        co_await self.shutdown_requested_until(self.time().now() + 1s);
        const supe::sibling_status s = co_await self.supervisor().status("crew");
        seen = fmt::format("{} {} {} {}", s.instances, s.running, s.queued, s.in_flight);
        try {
            co_await self.supervisor().status("nobody");
        } catch (const std::runtime_error& e) {
            seen += fmt::format("; {}", e.what());
        }
        co_await self.shutdown_requested();
    };
    const auto holds = [](component& self) -> awaitable<> {
        const auto mail = co_await self.receive();
        co_await self.shutdown_requested();
    };
    world w;
    w.provide("look", look);
    w.provide("holds", holds);
    w.run(R"({"name": "t", "children": [{"name": "crew", "component": "holds", "instances": 3},
        {"name": "look", "component": "look"}]})");
    for (int i = 0; i < 10; ++i) w.mail("crew", "1");
    w.advance(2s);
    BOOST_TEST(seen == "3 3 7 3; status nobody: no such child: nobody");
}

// What a component says of itself is one line of bounded length, and gone with its process.
BOOST_AUTO_TEST_CASE(says_something) {
    const auto talker = [](component& self) -> awaitable<> {
        self.status("a\n\tb \x1b[31m" + std::string(300, 'x'));
        co_await self.shutdown_requested_until(self.time().now() + 1s);
        self.status("");
        co_await self.shutdown_requested_until(self.time().now() + 1s);
        self.status("at work");
        co_await self.shutdown_requested();
    };
    world w;
    w.provide("talker", talker);
    w.run(
        R"({"name": "t", "children": [{"name": "c", "component": "talker", "backoff": {"first": "1h", "max": "1h"}}]})");
    const auto says = [&] { return w.root().find("c")->status_text(); };
    BOOST_TEST(says() == "ab [31m" + std::string(193, 'x'));
    w.advance(1500ms);
    BOOST_TEST(says() == "");
    w.advance(1s);
    BOOST_TEST(says() == "at work");
    BOOST_TEST(w.crash("/c"));
    w.advance(1s);
    BOOST_TEST(says() == "");
}

BOOST_AUTO_TEST_SUITE_END()
