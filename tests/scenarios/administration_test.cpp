// Scenarios of an operator's commands (OTP: child_adm, start_child, restart_child, terminate_child,
// delete_child).
#include "tests/support/players.hpp"

#include <malloc.h>
#include <boost/test/unit_test.hpp>

using support::player_world;
using namespace std::chrono_literals;
using status = supe::restarter::status;

namespace {

supe::child_spec child(const std::string& text) { return supe::parse_child(text, "child", "/"); }

const std::string two =
    R"({"name": "t", "children": [{"name": "a", "component": "diligent"}, {"name": "b", "component": "diligent"}]})";

}  // namespace

BOOST_AUTO_TEST_SUITE(administration)

// child_adm: added, stopped twice, started, started again while it runs, restarted, removed;
// unknown afterwards.
BOOST_AUTO_TEST_CASE(life_of_a_child) {
    player_world w(two);
    BOOST_TEST(
        w.by_hand(w.root().admin().add(child(R"({"name": "c", "component": "diligent"})"))) == "");
    const auto first = w.pid_of("/c");
    BOOST_TEST(w.by_hand(w.root().admin().add(child(R"({"name": "c", "component": "slow"})"))) ==
               "the name \"c\" is taken by an earlier child");
    BOOST_TEST(w.by_hand(w.root().admin().stop("c")) == "");
    BOOST_TEST(w.by_hand(w.root().admin().stop("c")) == "");
    BOOST_TEST(w.count("c-stopped") == 1u);
    BOOST_TEST(w.status_of("c") == status::stopped);
    BOOST_TEST(w.by_hand(w.root().admin().add(child(R"({"name": "c", "component": "slow"})"))) !=
               "");
    BOOST_TEST(w.by_hand(w.root().admin().start("c")) == "");
    BOOST_TEST(w.by_hand(w.root().admin().start("c")) == "");
    const auto second = w.pid_of("/c");
    BOOST_TEST(w.by_hand(w.root().admin().restart("c")) == "");
    BOOST_TEST(w.pid_of("/c") != second);
    BOOST_TEST(second != first);
    BOOST_TEST(w.by_hand(w.root().admin().remove("c")) == "");
    BOOST_TEST(w.by_hand(w.root().admin().remove("c")) == "no such child: c");
    BOOST_TEST(w.by_hand(w.root().admin().start("c")) == "no such child: c");
    BOOST_TEST(w.events({"created", "started", "stopped", "auto-restarted", "removed"}, 0)
                   .ends_with("created c, started c, stopped c, started c, started c, removed c"));
    BOOST_TEST(w.starts_of("/a") == 1u);
}

// sup_start_child_returns_error: a child that cannot be started is removed again, counts nowhere,
// and the error has the reason.
BOOST_AUTO_TEST_CASE(added_and_cannot_start) {
    player_world w(R"({"name": "t", "max_restarts": 0, "children": []})");
    BOOST_TEST(w.by_hand(w.root().admin().add(child(R"({"name": "c", "component": "nobody"})"))) ==
               "/c could not be started: nobody: No such file or directory");
    BOOST_TEST(!w.root().find("c"));
    BOOST_TEST(
        w.by_hand(w.root().admin().add(child(R"({"name": "c", "component": "diligent"})"))) == "");
    BOOST_TEST(!w.ended());
}

// sup_start_restart_child_returns_error: the spec is kept, the child is stopped, and no other child
// is touched (contract §5, by an operator).
BOOST_AUTO_TEST_CASE(start_that_fails) {
    for (const char* strategy : {"one_for_one", "one_for_all", "rest_for_one"}) {
        player_world w(fmt::format(
            R"({{"name": "t", "strategy": "{}", "max_restarts": 0, "children": [{{"name": "a", "component": "diligent", "max_restarts": 0}}, {{"name": "b", "component": "diligent"}}]}})",
            strategy));
        for (const bool running : {true, false}) {
            w.fail_next_starts("/a", 1, {"EAGAIN", "Resource temporarily unavailable"});
            BOOST_TEST(
                w.by_hand(running ? w.root().admin().restart("a") : w.root().admin().start("a")) ==
                "/a did not come up: Resource temporarily unavailable");
            w.advance(1min);
            BOOST_TEST(w.status_of("a") == status::stopped);
        }
        BOOST_TEST(w.starts_of("/a") == 3u);
        BOOST_TEST(w.starts_of("/b") == 1u);
        BOOST_TEST(w.by_hand(w.root().admin().start("a")) == "");
        BOOST_TEST(!w.ended());
    }
}

// A start that times out, and a crash before the child is ready, are failed starts too.
BOOST_AUTO_TEST_CASE(never_ready) {
    player_world w(
        R"({"name": "t", "max_restarts": 0, "children": [{"name": "b", "component": "diligent"}]})");
    const auto add = w.begin(w.root().admin().add(
        child(R"({"name": "a", "component": "late", "ready": "signal", "start_timeout": "1s"})")));
    w.advance(1s);
    BOOST_TEST(add->value_or("no answer") == "");
    const auto restart = w.begin(w.root().admin().restart("a"));
    w.advance(100ms);
    w.crash("/a");
    BOOST_TEST(restart->value_or("no answer") == "/a did not come up: SIGKILL");
    BOOST_TEST(w.status_of("a") == status::stopped);
    BOOST_TEST(!w.ended());
}

// OTP `ignore`: a child that is added and has nothing to do is no failure. A temporary one is gone.
BOOST_AUTO_TEST_CASE(added_with_nothing_to_do) {
    player_world w(
        R"({"name": "t", "auto_shutdown": "any_significant", "children": [{"name": "b", "component": "diligent"}]})");
    const auto idle = [](const char* name, const char* restart) {
        return child(fmt::format(
            R"({{"name": "{}", "component": "nothing_to_do", "ready": "signal", "restart": "{}"{}}})",
            name, restart,
            std::string_view(restart) == "permanent" ? "" : R"(, "significant": true)"));
    };
    BOOST_TEST(w.by_hand(w.root().admin().add(idle("x", "transient"))) == "");
    BOOST_TEST(w.by_hand(w.root().admin().add(idle("y", "temporary"))) == "");
    BOOST_TEST(w.by_hand(w.root().admin().add(idle("z", "permanent"))) ==
               "/z could not be started: it ended before it was ready: exit code 0");
    BOOST_TEST(w.by_hand(w.root().admin().start("x")) == "");
    BOOST_TEST(w.by_hand(w.root().admin().restart("x")) == "");
    BOOST_TEST(w.status_of("x") == status::stopped);
    BOOST_TEST((!w.root().find("y") && !w.root().find("z")));
    BOOST_TEST(w.count("x-shutdown") == 3u);
    BOOST_TEST(w.count("y-shutdown") == 1u);
    BOOST_TEST(w.count("z-start-failed") == 1u);
    BOOST_TEST(!w.ended());
}

// A stop and a start in the middle of a backoff; a start ends it.
BOOST_AUTO_TEST_CASE(in_the_middle_of_a_backoff) {
    player_world w(
        R"({"name": "t", "children": [{"name": "a", "component": "diligent", "backoff": {"first": "20s"}}]})");
    w.crash("/a");
    BOOST_TEST(w.status_of("a") == status::backing_off);
    BOOST_TEST(w.by_hand(w.root().admin().stop("a")) == "");
    BOOST_TEST(w.count("a-stopped") == 1u);
    w.advance(1min);
    BOOST_TEST(w.starts_of("/a") == 1u);
    BOOST_TEST(w.by_hand(w.root().admin().start("a")) == "");
    w.crash("/a");
    const auto asked = w.time().now();
    BOOST_TEST(w.by_hand(w.root().admin().start("a")) == "");
    BOOST_TEST((w.time().now() == asked));
    BOOST_TEST(w.status_of("a") == status::running);
}

// A restart while it starts, and a second restart meanwhile, which waits for the first: one process
// at a time, and both commands succeed.
BOOST_AUTO_TEST_CASE(restart_while_starting) {
    player_world w(
        R"({"name": "t", "children": [{"name": "a", "component": "late", "ready": "signal"}]})");
    w.advance(100ms);
    const auto one = w.begin(w.root().admin().restart("a"));
    const auto two = w.begin(w.root().admin().restart("a"));
    w.advance(2s);
    BOOST_TEST(one->value_or("no answer") == "");
    BOOST_TEST(two->value_or("no answer") == "");
    BOOST_TEST(w.processes() == 1u);
    BOOST_TEST(w.root().is_booted());
}

// Commands are performed in their order. A restart does not wait for a child that is to be stopped.
BOOST_AUTO_TEST_CASE(restart_stop_remove) {
    player_world w(R"({"name": "t", "children": [{"name": "a", "component": "slow"}]})");
    const auto restart = w.begin(w.root().admin().restart("a"));
    const auto stop = w.begin(w.root().admin().stop("a"));
    const auto remove = w.begin(w.root().admin().remove("a"));
    w.advance(5s);
    BOOST_TEST(restart->value_or("no answer") == "/a is not waited for: it is to be stopped");
    BOOST_TEST(stop->value_or("no answer") == "");
    BOOST_TEST(remove->value_or("no answer") == "");
    BOOST_TEST(w.root().children().empty());
}

// A command that waits when the tree ends gets an error.
BOOST_AUTO_TEST_CASE(ended_meanwhile) {
    player_world w(R"({"name": "t", "children": [{"name": "a", "component": "slow"}]})");
    const auto restart = w.begin(w.root().admin().restart("a"));
    BOOST_TEST(w.stop());
    BOOST_TEST(restart->value_or("no answer") == "/a: its supervisor is ending");
    BOOST_TEST(w.clean_up());
}

// A child that takes its time with `infinity`: the second stop does not wait behind the first. It
// hurries the child along, and both are answered. Other commands wait.
BOOST_AUTO_TEST_CASE(stopped_twice) {
    player_world w(
        R"({"name": "t", "children": [{"name": "a", "component": "stubborn", "shutdown": "infinity", "ask": true, "stop_signal": "SIGABRT"}, {"name": "b", "component": "diligent"}]})");
    const auto first = w.begin(w.root().admin().stop("a"));
    const auto other = w.begin(w.root().admin().restart("b"));
    w.advance(1h);
    BOOST_TEST((!first->has_value() && !other->has_value()));
    BOOST_TEST(w.by_hand(w.root().admin().stop("a")) == "");
    BOOST_TEST(first->value_or("no answer") == "");
    BOOST_TEST(other->value_or("no answer") == "");
    BOOST_TEST(w.status_of("a") == status::stopped);
}

// The mail of a removed child goes to the dead letters, with the reason.
BOOST_AUTO_TEST_CASE(mail_of_the_removed) {
    player_world w(
        R"({"name": "t", "children": [{"name": "a", "component": "stubborn", "shutdown": "kill"}]})");
    w.mail("/a", R"({"n": 1})");
    w.by_hand(w.root().admin().remove("a"));
    BOOST_TEST(w.count("mail-dead-lettered") == 1u);
    BOOST_TEST(w.messages("mail-dead-lettered").at(0).find(R"("reason":"removed")") !=
               std::string::npos);
}

// A significant child can be added only where `significant` has a meaning.
BOOST_AUTO_TEST_CASE(significant_needs_auto_shutdown) {
    player_world w(two);
    BOOST_TEST(
        w.by_hand(w.root().admin().add(child(
            R"({"name": "c", "component": "diligent", "restart": "transient", "significant": true})"))) ==
        "c: significant has no meaning while auto_shutdown is never");
}

// Children that are added and removed leave nothing behind: no coroutine, no timer, no memory that
// grows with their number.
BOOST_AUTO_TEST_CASE(coming_and_going) {
    player_world w(R"({"name": "t", "children": []})");
    const auto spec = child(R"({"name": "c", "component": "stubborn", "shutdown": "kill"})");
    const auto come_and_go = [&](int times) {
        for (int i = 0; i < times; ++i) {
            BOOST_REQUIRE(w.by_hand(w.root().admin().add(spec)) == "");
            BOOST_REQUIRE(w.by_hand(w.root().admin().remove("c")) == "");
        }
        w.forget_notices();
        return mallinfo2().uordblks;
    };
    come_and_go(1000);  // fills what the allocator keeps for itself
    const auto before = come_and_go(1000);
    const auto timers = w.time().armed();
    const auto after = come_and_go(1000);
    BOOST_TEST(after < before + 50000);
    BOOST_TEST(w.time().armed() == timers);
    BOOST_TEST(w.stop());
    BOOST_TEST(w.clean_up());
}

BOOST_AUTO_TEST_SUITE_END()
