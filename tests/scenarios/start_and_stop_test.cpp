// Scenarios of the start and the end of trees, after OTP's supervisor_SUITE: the real supervisor,
// simulated children.
#include "tests/support/players.hpp"

#include <boost/test/unit_test.hpp>

using support::player_world;
using namespace std::chrono_literals;
using status = supe::restarter::status;

namespace {

std::string tree(const std::string& children) {
    return fmt::format(R"({{"name": "t", "children": [{}]}})", children);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(start_and_stop)

// sup_start_normal: each child waits until the one before is ready; they stop in reverse, with
// reason shutdown.
BOOST_AUTO_TEST_CASE(in_order_and_in_reverse) {
    player_world w(tree(
        R"({"name": "a", "component": "late", "ready": "signal"}, {"name": "b", "component": "slow"},
                    {"name": "c", "component": "diligent"})"));
    BOOST_TEST(w.starts_of("/b") == 0u);
    w.advance(500ms);
    BOOST_TEST(w.root().is_booted());
    BOOST_TEST(w.stop());
    BOOST_TEST(w.ended_cleanly());
    BOOST_TEST(w.events({"created", "started", "ready", "shutdown"}) ==
               "created a, created b, created c, started a, ready a, started b, ready b, started "
               "c, ready c, "
               "shutdown c, shutdown b, shutdown a");
    BOOST_TEST(w.clean_up());
}

// sup_start_ignore_child, sup_start_ignore_temporary_child: a child that ends cleanly before it is
// ready has nothing to do. Its spec is kept, except that of a temporary child.
BOOST_AUTO_TEST_CASE(ignored) {
    player_world w(tree(
        R"({"name": "a", "component": "nothing_to_do", "ready": "signal", "restart": "transient"},
                    {"name": "b", "component": "nothing_to_do", "ready": "signal", "restart": "temporary"},
                    {"name": "c", "component": "diligent"})"));
    BOOST_TEST(w.root().is_booted());
    BOOST_TEST(w.status_of("a") == status::stopped);
    BOOST_TEST(!w.root().find("b"));
    BOOST_TEST(w.status_of("c") == status::running);
}

// sup_start_fail: a command that does not exist. The earlier children are stopped in reverse, and
// why() names the cause.
BOOST_AUTO_TEST_CASE(first_start_fails) {
    player_world w(
        tree(R"({"name": "a", "component": "diligent"}, {"name": "b", "component": "diligent"},
                    {"name": "c", "component": "nobody"}, {"name": "d", "component": "diligent"})"));
    w.advance(1s);
    BOOST_TEST(w.ended());
    BOOST_TEST(!w.ended_cleanly());
    BOOST_TEST(w.events({"start-failed", "shutdown"}) == "start-failed c, shutdown b, shutdown a");
    BOOST_TEST(w.root().why() == "child c could not be started: nobody: No such file or directory");
    BOOST_TEST(w.starts_of("/d") == 0u);
    BOOST_TEST(w.clean_up());
}

// A child that is not ready in time counts as not started.
BOOST_AUTO_TEST_CASE(start_times_out) {
    player_world w(tree(
        R"({"name": "a", "component": "diligent", "ready": "signal", "start_timeout": "5s"})"));
    w.advance(4s);
    BOOST_TEST(!w.ended());
    w.advance(2s);
    BOOST_TEST(w.ended());
    BOOST_TEST(
        w.messages("a-start-failed").at(0) ==
        R"({"name":"a","error":{"code":"ETIMEDOUT","text":"start timed out after 5s"},"restarts":0})");
}

// faulty_application_shutdown: the error of the innermost child reaches the root with its cause
// chain.
BOOST_AUTO_TEST_CASE(cause_chain) {
    player_world w(tree(R"({"name": "a", "component": "diligent"},
                    {"name": "outer", "children": [{"name": "inner", "children": [{"name": "x", "component": "nobody"}]}]})"));
    w.advance(1s);
    BOOST_TEST(w.ended());
    BOOST_TEST(w.root().why() ==
               "child outer could not be started: child inner could not be started: "
               "child x could not be started: nobody: No such file or directory");
    BOOST_TEST(w.count("a-shutdown") == 1u);
    BOOST_TEST(w.clean_up());
}

// The reason of one nested supervisor is never reported for another one, and not a second time.
BOOST_AUTO_TEST_CASE(reasons_are_not_mixed_up) {
    player_world w(tree(
        R"({"name": "one", "restart": "temporary", "max_restarts": 0, "children": [{"name": "x", "component": "diligent"}]},
                    {"name": "two", "children": [{"name": "y", "component": "diligent"}]})"));
    w.crash("/one/x");
    w.advance(1s);
    w.crash("/two");
    const auto& deaths = w.root().entry_of(*w.root().find("two")).deaths;
    BOOST_TEST(deaths.size() == 1u);
    BOOST_TEST(deaths.back().text == "SIGKILL");
    BOOST_TEST(deaths.back().exit == R"({"signal":"SIGKILL","core":false})");
}

// sup_stop_brutal_kill, sup_stop_timeout: killed at once; killed when the time is up; the
// supervisor waits for the others.
BOOST_AUTO_TEST_CASE(stopped_by_force) {
    player_world w(tree(R"({"name": "a", "component": "stubborn", "shutdown": "kill"},
                    {"name": "b", "component": "stubborn", "shutdown": "3s"})"));
    w.root().shutdown();
    w.advance(2s);
    BOOST_TEST(!w.ended());
    w.advance(1s);
    BOOST_TEST(w.ended());
    BOOST_TEST(w.messages("b-shutdown").at(0).find("SIGKILL") != std::string::npos);
}

// sup_stop_infinity: the stop has no limit; a kill ends all that is left.
BOOST_AUTO_TEST_CASE(stopped_with_patience) {
    player_world w(tree(
        R"({"name": "a", "component": "stubborn", "shutdown": "infinity"}, {"name": "b", "component": "diligent"})"));
    w.root().shutdown();
    w.advance(1h);
    BOOST_TEST(!w.ended());
    w.root().kill();
    w.run_ready();
    BOOST_TEST(w.ended());
    BOOST_TEST(w.ended_cleanly());
}

// A tree that is stopped while it starts never starts the rest.
BOOST_AUTO_TEST_CASE(stopped_while_it_starts) {
    player_world w(tree(
        R"({"name": "a", "component": "late", "ready": "signal"}, {"name": "b", "component": "diligent"})"));
    BOOST_TEST(w.stop());
    BOOST_TEST(w.ended_cleanly());
    BOOST_TEST(w.starts_of("/b") == 0u);
}

// A nested supervisor is ready when its own children are, and stops them in reverse when it is
// stopped.
BOOST_AUTO_TEST_CASE(nested) {
    player_world w(tree(
        R"({"name": "dam", "children": [{"name": "x", "component": "late", "ready": "signal"}, {"name": "y", "component": "diligent"}]},
                    {"name": "b", "component": "diligent"})"));
    BOOST_TEST(w.starts_of("/b") == 0u);
    w.advance(500ms);
    BOOST_TEST(w.starts_of("/b") == 1u);
    BOOST_TEST(w.stop());
    BOOST_TEST(w.events({"shutdown"}) == "shutdown b, shutdown y, shutdown x, shutdown dam");
    BOOST_TEST(w.clean_up());
}

// A killed nested supervisor starts again with all its children, when those of its first life are
// gone.
BOOST_AUTO_TEST_CASE(nested_crash) {
    player_world w(
        tree(R"({"name": "dam", "children": [{"name": "x", "component": "diligent"}]})"));
    const auto x = w.pid_of("/dam/x");
    w.crash("/dam");
    w.advance(1s);
    BOOST_TEST(w.pid_of("/dam/x") != x);
    BOOST_TEST(w.pid_of("/dam/x") != 0);
    BOOST_TEST(w.starts_of("/dam/x") == 2u);
    BOOST_TEST(w.processes() == 2u);
}

// Past its limit a nested supervisor stops its children and fails; its own supervisor restarts it
// by its rules.
BOOST_AUTO_TEST_CASE(nested_fails) {
    player_world w(tree(
        R"({"name": "dam", "max_restarts": 1, "children": [{"name": "x", "component": "diligent"}, {"name": "y", "component": "diligent"}]})"));
    w.crash("/dam/x");
    w.crash("/dam/x");
    w.advance(1s);
    BOOST_TEST(w.count("y-shutdown") == 1u);
    BOOST_TEST(w.count("dam-crashed") == 1u);
    BOOST_TEST(w.count("dam-auto-restarted") == 1u);
    BOOST_TEST(w.root().entry_of(*w.root().find("dam")).deaths.back().text ==
               "more than 1 restarts within 10 s; the last was x: SIGKILL");
}

// nonsignificant_*, significant_temporary, significant_transient: only a significant child that
// ends by itself and is not restarted ends the supervisor. A root that ends so ends as the child
// did.
BOOST_AUTO_TEST_CASE(significant) {
    const auto with = [](const std::string& mode, const std::string& restart,
                         const std::string& significant) {
        return fmt::format(
            R"({{"name": "t", "auto_shutdown": "{}", "children": [{{"name": "a", "component": "diligent",
            "restart": "{}", "significant": {}}}, {{"name": "b", "component": "diligent"}}]}})",
            mode, restart, significant);
    };
    for (const char* mode : {"any_significant", "all_significant"}) {
        for (const char* restart : {"temporary", "transient"}) {
            player_world plain(with(mode, restart, "false"));
            plain.exit("/a");
            BOOST_TEST(!plain.ended());
            player_world normal(with(mode, restart, "true"));
            normal.exit("/a");
            BOOST_TEST(normal.ended_cleanly());
            BOOST_TEST(normal.count("b-shutdown") == 1u);
            player_world killed(with(mode, restart, "true"));
            killed.crash("/a");
            BOOST_TEST(killed.ended() == (restart == std::string("temporary")));
            BOOST_TEST(!killed.ended_cleanly());
            player_world stopped(with(mode, restart, "true"));
            stopped.by_hand(stopped.root().admin().stop("a"));
            BOOST_TEST(!stopped.ended());
        }
    }
}

// significant_escalation: the end passes only through significant supervisors.
BOOST_AUTO_TEST_CASE(significant_escalation) {
    const auto with = [](const std::string& significant) {
        return fmt::format(R"({{"name": "t", "auto_shutdown": "any_significant", "children": [
            {{"name": "dam", "restart": "transient", "significant": {}, "auto_shutdown": "any_significant", "children": [
                {{"name": "x", "component": "diligent", "restart": "transient", "significant": true}}]}},
            {{"name": "b", "component": "diligent"}}]}})",
                           significant);
    };
    player_world climbs(with("true"));
    climbs.exit("/dam/x");
    climbs.advance(1s);
    BOOST_TEST(climbs.ended_cleanly());
    // For those above, a supervisor that shut down so has ended cleanly, whatever its child did
    // (OTP).
    player_world killed(with("true"));
    for (int i = 0; i < 11; ++i) {
        killed.crash("/dam/x");
        killed.advance(2s);
    }
    BOOST_TEST(!killed.ended());
    player_world stays(with("false"));
    stays.exit("/dam/x");
    stays.advance(1s);
    BOOST_TEST(!stays.ended());
    BOOST_TEST(stays.status_of("dam") == status::stopped);
}

BOOST_AUTO_TEST_SUITE_END()
