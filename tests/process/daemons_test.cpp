// Daemons that got away from their child (a session of their own, two forks, no environment,
// another title) are ended with it, and with the root at the latest; those of others are not
// touched.
#include "supe/process/control_group.hpp"
#include "supe/process/descendants.hpp"
#include "supe/process/life_mark.hpp"
#include "tests/support/left_processes.hpp"
#include "tests/support/operator_session.hpp"
#include "tests/support/real_tree.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace std::chrono_literals;
using support::is_alive;
using support::real_tree;
using support::shell;
using support::tree_of;

namespace {

/// A child with the daemons of these names: tests/support/daemon_helper.cpp.
std::string with_daemons(const std::string& child, const std::string& daemons,
                         const std::string& folder, const std::string& members = {}) {
    return fmt::format(
        R"({{"name": "{}", "command": ["{}"], "env": {{"SUPE_TEST_ROLE": "daemons", "SUPE_TEST_DAEMONS": "{}", "SUPE_TEST_FOLDER": "{}"}}{}}})",
        child, std::filesystem::read_symlink("/proc/self/exe").string(), daemons, folder,
        members.empty() ? "" : ", " + members);
}

struct fixture : support::event_loop {
    support::temporary_directory daemons;
    const std::string folder = daemons / "";

    /// It, or the next one of its name, is there within the time that it takes.
    bool is_there(const std::string& daemon) {
        return until([&] { return support::daemon_lives(folder, daemon); }, 20s);
    }
    bool is_gone(const std::string& daemon) { return !support::daemon_lives(folder, daemon); }
    /// What fell to this process is reaped.
    ~fixture() {
        until([] { return supe::look_for_orphans().living.empty(); }, 20s);
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(daemons, fixture)

// Two forks and no environment: the daemon is our child while its own lives, and is ended with it,
// after a crash and after a stop. That of a sibling lives on.
BOOST_AUTO_TEST_CASE(without_environment) {
    real_tree tree(*this, tree_of({with_daemons("web", "plain", folder),
                                   with_daemons("other", "plain2", folder)}));
    BOOST_TEST(is_there("plain"));
    BOOST_TEST(is_there("plain2"));
    BOOST_TEST(tree.prints("[web] up"));
    ::kill(tree.pid("web"), SIGKILL);
    BOOST_TEST(tree.sees("web-auto-restarted"));
    BOOST_TEST(tree.prints("[web] up", 2));  // its new daemon got the lock: the old one is dead
    BOOST_TEST(is_there("plain"));
    tree["web"].stop();
    BOOST_TEST(tree.sees("web-shutdown"));
    BOOST_TEST(is_gone("plain"));
    BOOST_TEST(is_there("plain2"));
    BOOST_TEST(tree.stop());
    BOOST_TEST(is_gone("plain2"));
}

// `setsid env -i PROGRAM`, started by a shell that ends before or after it.
BOOST_AUTO_TEST_CASE(of_a_shell) {
    const std::string script =
        "setsid env -i sleep 1000 & echo one $!; (setsid env -i sleep 1000 & echo two $!); ";
    real_tree tree(*this, tree_of({shell("web", script + "echo up; exec sleep 1000"),
                                   shell("other", script + "echo up; exec sleep 1000")}));
    BOOST_TEST(tree.prints("[web] up"));
    BOOST_TEST(tree.prints("[other] up"));
    const auto number = [&](const std::string& line) { return std::stoi(tree.after(line)); };
    const pid_t one = number("[web] one "), two = number("[web] two "),
                theirs = number("[other] two ");
    tree["web"].stop();
    BOOST_TEST(tree.sees("web-shutdown"));
    BOOST_TEST(!is_alive(one));
    BOOST_TEST(!is_alive(two));
    BOOST_TEST(is_alive(theirs));
    BOOST_TEST(tree.stop());
    BOOST_TEST(!is_alive(theirs));
}

// One that forks, and begins a session, again and again: no pid of it lasts.
BOOST_AUTO_TEST_CASE(that_fork_for_ever) {
    real_tree tree(*this, tree_of({with_daemons("web", "hopper", folder)}));
    BOOST_TEST(is_there("hopper"));
    BOOST_TEST(tree.stop());
    BOOST_TEST(is_gone("hopper"));
}

// A nested supervisor is killed: the daemons below it are ended with it.
BOOST_AUTO_TEST_CASE(below_a_killed_supervisor) {
    real_tree tree(*this, tree_of({fmt::format(R"({{"name": "dam", "children": [{}]}})",
                                               with_daemons("web", "plain", folder)),
                                   with_daemons("other", "plain2", folder)}));
    BOOST_TEST(is_there("plain"));
    BOOST_TEST(is_there("plain2"));
    BOOST_TEST(tree.prints("[/dam/web] up"));
    ::kill(tree.pid("dam"), SIGKILL);
    BOOST_TEST(tree.sees("dam-ready", 2));
    BOOST_TEST(tree.prints("[/dam/web] up", 2));
    BOOST_TEST(is_there("plain2"));
    BOOST_TEST(tree.stop());
    BOOST_TEST(is_gone("plain"));
}

// What `su -` leaves of a daemon's signs: its limits are reset, and its environment is wiped. Who
// may read the timer slack of others ends it with its child, here below a supervisor that is killed
// too. A sibling's lives on.
BOOST_AUTO_TEST_CASE(with_reset_limits) {
    real_tree tree(*this, tree_of({with_daemons("web", "relimited", folder),
                                   fmt::format(R"({{"name": "dam", "children": [{}]}})",
                                               with_daemons("low", "relimited2", folder)),
                                   with_daemons("other", "relimited3", folder)}));
    for (const char* const daemon : {"relimited", "relimited2", "relimited3"})
        BOOST_TEST(is_there(daemon));
    BOOST_TEST(tree.prints("[web] up"));
    BOOST_REQUIRE(until([&] { return !tree.after("[/dam/low] relimited2 ").empty(); }, 20s));
    const bool is_readable = supe::slack_mark_of(tree.pid("web")) != 0;
    tree["web"].stop();
    BOOST_TEST(tree.sees("web-shutdown"));
    BOOST_TEST(is_gone("relimited") == is_readable);
    const pid_t low = std::stoi(tree.after("[/dam/low] relimited2 "));
    ::kill(tree.pid("dam"), SIGKILL);
    BOOST_TEST(tree.sees("dam-crashed"));
    BOOST_TEST(is_alive(low) != is_readable);
    BOOST_TEST(is_there("relimited3"));
    BOOST_TEST(tree.stop());
    supe::end_all(supe::look_for_orphans());
}

// Each child has a slack mark of its own, also one of a supervisor that has one itself. One that
// was set by somebody else stays.
BOOST_AUTO_TEST_CASE(slack_of_each_child) {
    const std::string script = "echo slack $(cat /proc/self/timerslack_ns) $$; exec sleep 1000";
    const std::string nested =
        fmt::format(R"({{"name": "dam", "children": [{}]}})", shell("low", script));
    real_tree tree(*this, tree_of({shell("web", script), nested}));
    for (const std::string child : {"[web] slack ", "[/dam/low] slack "}) {
        BOOST_REQUIRE(until([&] { return !tree.after(child).empty(); }, 20s));
        std::istringstream line(tree.after(child));
        supe::slack_mark slack = 0;
        pid_t pid = 0;
        line >> slack >> pid;
        BOOST_TEST(slack == supe::slack_mark_for(pid));
    }
    BOOST_TEST(tree.stop());
    const int before = ::prctl(PR_GET_TIMERSLACK);
    ::prctl(PR_SET_TIMERSLACK, 1000);
    real_tree quick(*this, tree_of({shell("web", script)}));
    BOOST_TEST(until([&] { return quick.after("[web] slack ").starts_with("1000 "); }, 20s));
    BOOST_TEST(quick.stop());
    ::prctl(PR_SET_TIMERSLACK, before);
}

// A child that was renamed (`supe scale`) keeps its daemons, and they end with it.
BOOST_AUTO_TEST_CASE(of_a_renamed_child) {
    const support::operator_session session;
    const auto root = session.run_tree(tree_of({with_daemons("web", "plain", folder)}));
    BOOST_REQUIRE(is_there("plain"));
    BOOST_TEST(session.ask({"scale", "web", "2"}).code == 0);
    BOOST_TEST(is_there("plain"));
    BOOST_TEST(session.ask({"stop", "web.1"}).code == 0);
    BOOST_TEST(session.ask({"stop", "web.2"}).code == 0);
    BOOST_TEST(is_gone("plain"));
    root->signal(SIGTERM);
    BOOST_TEST(root->wait() == 0);
}

// A daemon without any sign of its child is ended with the root, or with its nested supervisor. A
// process that was there before the root (of a shell that became `supe run`) is not.
BOOST_AUTO_TEST_CASE(at_the_end_of_the_root) {
    const support::operator_session session;
    std::ofstream(session.file("tree.json"))
        << tree_of({with_daemons("web", "unmarked", folder),
                    fmt::format(R"({{"name": "dam", "children": [{}]}})",
                                with_daemons("low", "unmarked2", folder))});
    const std::string script =
        fmt::format("env -i sleep 1000 & echo $!; exec '{}' run '{}' --state '{}'", SUPE_BINARY,
                    session.file("tree.json"), session.state());
    support::command root({.words = {"sh", "-c", script}, .variables = {}, .input = {}});
    BOOST_REQUIRE(is_there("unmarked"));
    BOOST_REQUIRE(is_there("unmarked2"));
    BOOST_REQUIRE(support::until([&] { return session.is_up(); }));
    const pid_t before = std::stoi(root.out());
    BOOST_TEST(session.ask({"stop", "dam"}).code == 0);
    BOOST_TEST(is_gone("unmarked2"));
    BOOST_TEST(is_there("unmarked"));
    root.signal(SIGTERM);
    BOOST_TEST(root.wait() == 0);
    BOOST_TEST(is_gone("unmarked"));
    BOOST_TEST(is_alive(before));
    ::kill(before, SIGKILL);
}

// When the root is killed, the next one on its state directory ends its daemons before it starts
// anything. In a copy of the directory they are not its own.
BOOST_AUTO_TEST_CASE(left_behind_by_a_killed_root) {
    const support::operator_session session, other;
    const std::string idle = R"({"name": "t", "children": []})";
    {
        const auto root = session.run_tree(tree_of({with_daemons("web", "plain", folder)}));
        BOOST_REQUIRE(is_there("plain"));
        root->signal(SIGKILL);
        root->wait();
    }
    std::filesystem::create_directory(other.state());
    std::filesystem::copy(session.state() + "/processes.lock", other.state());
    for (const support::operator_session* s : {&other, &session}) {
        BOOST_TEST(is_there("plain"));
        const auto root = s->run_tree(idle);
        root->signal(SIGTERM);
        BOOST_TEST(root->wait() == 0);
    }
    BOOST_TEST(is_gone("plain"));
}

// The same without an environment: nothing but the control group knows whose it is. Where no group
// can be had (cgroup v2 that we may write), the next root leaves it alone. No group is left.
BOOST_AUTO_TEST_CASE(left_behind_without_a_mark) {
    const support::operator_session session;
    const std::string idle = R"({"name": "t", "children": []})";
    {
        const auto root = session.run_tree(tree_of({with_daemons("web", "unmarked", folder)}));
        BOOST_REQUIRE(is_there("unmarked"));
        root->signal(SIGKILL);
        root->wait();
    }
    BOOST_TEST(is_there("unmarked"));
    const auto groups = supe::control_group::of(0);
    const auto root = session.run_tree(idle);
    root->signal(SIGTERM);
    BOOST_TEST(root->wait() == 0);
    BOOST_TEST(is_gone("unmarked") == groups.has_value());
    if (groups) groups->remove();
    supe::end_all(supe::look_for_orphans());
}

BOOST_AUTO_TEST_SUITE_END()
