// Scenarios of restart strategies and types, after OTP's supervisor_SUITE: the real supervisor,
// simulated children.
#include "tests/support/players.hpp"

#include <boost/test/unit_test.hpp>

using supe::awaitable;
using supe::supervisor;
using support::player_world;
using namespace std::chrono_literals;
using status = supe::restarter::status;

namespace {

/// A tree of three diligent children a, b, c. `more`: further members of the tree; `each`: of every
/// child.
std::string three(const std::string& more, const std::string& each = "") {
    std::string children;
    for (const char* name : {"a", "b", "c"})
        children += fmt::format(R"({}{{"name": "{}", "component": "diligent"{}}})",
                                children.empty() ? "" : ",", name, each);
    return fmt::format(R"({{"name": "t", {}"children": [{}]}})", more, children);
}

std::string one(const std::string& restart) {
    return fmt::format(
        R"({{"name": "t", "children": [{{"name": "a", "component": "diligent", "restart": "{}"}}]}})",
        restart);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(restarts)

// permanent_normal, _shutdown, _abnormal: a new process after any end.
BOOST_AUTO_TEST_CASE(permanent) {
    player_world w(one("permanent"));
    w.exit("/a", 0);
    BOOST_TEST(w.starts_of("/a") == 2u);
    w.exit("/a", 3);
    w.advance(1s);
    w.crash("/a");
    w.advance(1s);
    BOOST_TEST(w.starts_of("/a") == 4u);
    BOOST_TEST(w.count("component-auto-restarted") == 3u);
}

// transient_normal: the child stays in the tree, down, until an operator starts it.
// transient_abnormal: a new process.
BOOST_AUTO_TEST_CASE(transient) {
    player_world w(one("transient"));
    w.crash("/a");
    BOOST_TEST(w.starts_of("/a") == 2u);
    w.exit("/a", 0);
    BOOST_TEST(w.starts_of("/a") == 2u);
    BOOST_TEST(w.status_of("a") == status::stopped);
    BOOST_TEST(w.by_hand(w.root().admin().start("a")) == "");
    BOOST_TEST(w.status_of("a") == status::running);
}

// temporary_normal, _abnormal: the child leaves the tree, and its name is free at once
// (do_not_save_child_specs_for_temporary_children), after each kind of end and under each strategy.
BOOST_AUTO_TEST_CASE(temporary) {
    for (const char* strategy : {"one_for_one", "one_for_all", "rest_for_one"}) {
        player_world w(three(fmt::format(R"("strategy": "{}",)", strategy)));
        const auto spec = supe::parse_child(
            R"({"name": "x", "component": "diligent", "restart": "temporary"})", "x", "/");
        const std::vector<std::function<void()>> ways = {
            [&] { w.exit("/x", 0); }, [&] { w.exit("/x", 1); }, [&] { w.crash("/x"); },
            [&] { w.by_hand(w.root().admin().stop("x")); }};
        for (const auto& die : ways) {
            BOOST_TEST(w.by_hand(w.root().admin().add(spec)) == "");
            die();
            BOOST_TEST(!w.root().find("x"));
        }
        BOOST_TEST(w.count("x-removed") == ways.size());
        BOOST_TEST(w.starts_of("/a") == 1u);
    }
}

// temporary_bystander: it is stopped with its group and not started again; the supervisor survives.
BOOST_AUTO_TEST_CASE(temporary_bystander) {
    for (const char* strategy : {"one_for_all", "rest_for_one"}) {
        player_world w(fmt::format(
            R"({{"name": "t", "strategy": "{}", "children": [{{"name": "a", "component": "diligent"}},
                {{"name": "x", "component": "diligent", "restart": "temporary"}}]}})",
            strategy));
        w.crash("/a");
        BOOST_TEST(!w.root().find("x"));
        BOOST_TEST(w.starts_of("/a") == 2u);
        BOOST_TEST(w.starts_of("/x") == 1u);
    }
}

// one_for_one: only the crashed child gets a new pid; a crash past the limit ends the supervisor.
BOOST_AUTO_TEST_CASE(one_for_one) {
    player_world w(three(R"("max_restarts": 2, "within": "10s",)"));
    const auto a = w.pid_of("/a"), b = w.pid_of("/b");
    w.crash("/a");
    BOOST_TEST(w.pid_of("/a") != a);
    BOOST_TEST(w.pid_of("/b") == b);
    w.crash("/b");
    w.crash("/c");
    BOOST_TEST(w.ended());
    BOOST_TEST(!w.ended_cleanly());
    BOOST_TEST(w.root().why() == "more than 2 restarts within 10 s; the last was c: SIGKILL");
    BOOST_TEST(w.processes() == 0u);
}

// one_for_one_escalation: a restart that always fails passes the limit, and all children end.
BOOST_AUTO_TEST_CASE(one_for_one_escalation) {
    player_world w(three(R"("max_restarts": 4, "within": "10s",)", R"(, "max_restarts": 100)"));
    w.fail_next_starts("/a", 1000, {"EAGAIN", "Resource temporarily unavailable"});
    w.crash("/a");
    w.advance(10s);
    BOOST_TEST(w.ended());
    BOOST_TEST(w.count("a-start-failed") == 4u);
    BOOST_TEST(w.count("b-shutdown") == 1u);
}

// one_for_all: all children get new pids; they stop in reverse and start in order.
BOOST_AUTO_TEST_CASE(one_for_all) {
    player_world w(three(R"("strategy": "one_for_all",)"));
    const std::size_t from = w.notices().size();
    w.crash("/b");
    BOOST_TEST(w.events({"crashed", "shutdown", "started"}, from) ==
               "crashed b, shutdown c, shutdown a, started a, started b, started c");
    BOOST_TEST(w.count("component-auto-restarted") == 3u);
}

// one_for_all_escalation: a sibling that cannot be started again passes the limit, and all children
// end.
BOOST_AUTO_TEST_CASE(one_for_all_escalation) {
    player_world w(
        three(R"("strategy": "one_for_all", "max_restarts": 3,)", R"(, "max_restarts": 100)"));
    w.fail_next_starts("/b", 1000, {"ENOENT", "b: No such file or directory"});
    w.crash("/a");
    w.advance(10s);
    BOOST_TEST(w.ended());
    BOOST_TEST(w.root().why() ==
               "more than 3 restarts within 10 s; the last was b: b: No such file or directory");
}

// rest_for_one: the later children get new processes, the earlier one is not touched.
BOOST_AUTO_TEST_CASE(rest_for_one) {
    player_world w(three(R"("strategy": "rest_for_one",)"));
    const auto a = w.pid_of("/a");
    const std::size_t from = w.notices().size();
    w.crash("/b");
    BOOST_TEST(w.events({"crashed", "shutdown", "started"}, from) ==
               "crashed b, shutdown c, started b, started c");
    BOOST_TEST(w.pid_of("/a") == a);
}

// rest_for_one_escalation: the children behind one that cannot be started stay down until the end.
BOOST_AUTO_TEST_CASE(rest_for_one_escalation) {
    player_world w(
        three(R"("strategy": "rest_for_one", "max_restarts": 3,)", R"(, "max_restarts": 100)"));
    w.fail_next_starts("/b", 1000, {"ENOENT", "b: No such file or directory"});
    w.crash("/a");
    w.advance(10s);
    BOOST_TEST(w.ended());
    BOOST_TEST(w.starts_of("/a") == 2u);
    BOOST_TEST(w.starts_of("/c") == 1u);
}

/// After ten failed starts of `a`: stops it, removes it, or stops the tree.
awaitable<> impatient(supervisor& self, std::string what) {
    supe::notice_watch failures(self, {"a-start-failed"});
    for (int i = 0; i < 10; ++i) co_await failures.next();
    if (what == "stop") co_await self.admin().stop("a");
    if (what == "remove") co_await self.admin().remove("a");
    if (what == "shutdown") self.shutdown();
}

// A restart that always fails and is tried again without delay can be ended by a stop, a removal or
// a shutdown at any time: each try comes through the queue of events.
BOOST_AUTO_TEST_CASE(endless_failing_restart_gives_way) {
    const std::string endless = R"("max_restarts": 100000, "within": "1s",)";
    const std::string each =
        R"(, "max_restarts": 100000, "within": "1s", "backoff": {"first": "0ms", "max": "0ms"})";
    for (const std::string what : {"stop", "remove", "shutdown"}) {
        supe::simulation::world w;
        support::provide_players(w);
        w.run(three(endless, each), [what](supervisor& self) { return impatient(self, what); });
        w.fail_next_starts("/a", 50000, {"EAGAIN", "Resource temporarily unavailable"});
        w.crash("/a");
        BOOST_TEST(w.starts_of("/a") < 20u);
        if (what == "stop") BOOST_TEST(w.root().status_of(*w.root().find("a")) == status::stopped);
        if (what == "remove") BOOST_TEST(!w.root().find("a"));
        if (what == "shutdown") BOOST_TEST(w.ended_cleanly());
    }
}

// EMFILE at a restart is an ordinary failed start, and passes.
BOOST_AUTO_TEST_CASE(out_of_descriptors_for_a_while) {
    player_world w(three(""));
    w.fail_next_starts("/a", 2, {"EMFILE", "Too many open files"});
    w.crash("/a");
    w.advance(1s);
    BOOST_TEST(w.status_of("a") == status::running);
    BOOST_TEST(w.count("a-start-failed") == 2u);
    BOOST_TEST(
        w.messages("a-start-failed")[0] ==
        R"({"name":"a","error":{"code":"EMFILE","text":"Too many open files"},"restarts":1})");
}

// Past its own limit a child stays down, and the others go on; started by an operator, it has a
// fresh limit.
BOOST_AUTO_TEST_CASE(given_up) {
    player_world w(three("", R"(, "max_restarts": 1, "within": "60s")"));
    w.crash("/a");
    w.crash("/a");
    BOOST_TEST(w.status_of("a") == status::given_up);
    BOOST_TEST(w.messages("a-excessive-crash").at(0) ==
               R"({"name":"a","restarts":1,"within_ms":60000,"mailbox":null})");
    BOOST_TEST(w.status_of("b") == status::running);
    BOOST_TEST(w.by_hand(w.root().admin().start("a")) == "");
    w.crash("/a");
    BOOST_TEST(w.status_of("a") == status::running);
}

// The defaults: eleven children that are killed at the same moment do not end the tree.
BOOST_AUTO_TEST_CASE(all_killed_at_once) {
    std::string children;
    for (int i = 0; i < 11; ++i)
        children += fmt::format(R"({}{{"name": "c{}", "component": "diligent"}})", i ? "," : "", i);
    player_world w(fmt::format(R"({{"name": "t", "children": [{}]}})", children));
    for (int i = 0; i < 11; ++i) BOOST_TEST(w.crash(fmt::format("/c{}", i)));
    w.advance(1s);
    BOOST_TEST(!w.ended());
    BOOST_TEST(w.processes() == 11u);
    BOOST_TEST(w.count("component-auto-restarted") == 11u);
}

// The defaults: a worker that ends at once while its database is away for five seconds runs
// afterwards, alone in its tree and beside others.
BOOST_AUTO_TEST_CASE(a_database_that_is_away) {
    for (const char* others : {"", R"(, {"name": "b", "component": "diligent"})"}) {
        bool away = false;
        supe::simulation::world w;
        support::provide_players(w);
        w.provide("worker", [&away](supe::component& self) -> awaitable<> {
            if (away) throw std::runtime_error("no database");
            while (auto mail = co_await self.receive()) mail->ack();
        });
        w.run(fmt::format(
            R"({{"name": "t", "children": [{{"name": "a", "component": "worker"}}{}]}})", others));
        away = true;
        w.crash("/a");
        w.advance(5s);
        BOOST_TEST(w.pid_of("/a") == 0);
        away = false;
        w.advance(5s);
        BOOST_TEST(w.pid_of("/a") != 0);
        BOOST_TEST(!w.ended());
    }
}

// The delay: 0, then 100 ms, doubled each time; after a run that is long enough it is 0 again. A
// jump of the time changes nothing else.
BOOST_AUTO_TEST_CASE(delays) {
    player_world w(three("", R"(, "max_restarts": 100, "backoff": {"jitter": 0})"));
    for (int i = 0; i < 4; ++i) {
        w.crash("/a");
        w.advance(2s);
    }
    w.advance(1h);
    w.crash("/a");
    std::vector<std::string> delays;
    for (const auto& m : w.messages("a-auto-restarted"))
        delays.push_back(m.substr(m.find("delay_ms")));
    const std::vector<std::string> expected{"delay_ms\":0}", "delay_ms\":100}", "delay_ms\":200}",
                                            "delay_ms\":400}", "delay_ms\":0}"};
    BOOST_TEST(delays == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
