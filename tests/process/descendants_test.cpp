// The processes that a child leaves behind are gone before anything else happens: in its group, out
// of its group, below a supervisor.
#include "supe/process/descendants.hpp"
#include "tests/support/operator_session.hpp"
#include "tests/support/program.hpp"
#include "tests/support/real_tree.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>

using namespace std::chrono_literals;
using support::is_alive;
using support::real_tree;
using support::shell;
using support::tree_of;

namespace {

/// A daemon in a session of its own, which keeps stdout, stderr and the channel of the child, and
/// ignores signals.
const std::string daemonise =
    R"(setsid sh -c 'trap "" TERM HUP; echo daemon $$; while :; do sleep 1000; done' & )";

struct fixture : support::event_loop {
    pid_t number(real_tree& tree, const std::string& beginning) {
        BOOST_REQUIRE(until([&] { return !tree.after(beginning).empty(); }, 20s));
        return std::stoi(tree.after(beginning));
    }
    /// What fell to this process is reaped.
    ~fixture() {
        until([] { return supe::look_for_orphans().living.empty(); }, 20s);
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(descendants, fixture)

// A daemon that left the group is dead before the child starts again, after a crash and after a
// stop.
BOOST_AUTO_TEST_CASE(daemons_are_found) {
    real_tree tree(*this, tree_of({shell("web", daemonise + "echo up $$; wait")}));
    const pid_t first = number(tree, "[web] daemon ");
    BOOST_TEST(support::parent_of(first) == tree.pid("web"));
    ::kill(tree.pid("web"), SIGKILL);
    BOOST_TEST(tree.sees("web-auto-restarted"));
    BOOST_TEST(!is_alive(first));
    BOOST_REQUIRE(until([&] { return tree.after("[web] daemon ") != std::to_string(first); }, 20s));
    const pid_t second = number(tree, "[web] daemon ");
    BOOST_TEST(tree.stop());
    BOOST_TEST(!is_alive(second));
}

// A daemon that forked twice becomes our child while its child of ours lives: it is left alone
// until that child ends.
BOOST_AUTO_TEST_CASE(a_daemon_lives_as_long_as_its_child) {
    real_tree tree(*this, tree_of({shell("web", "(" + daemonise + ") ; echo up; sleep 1000"),
                                   shell("other", "echo up; exec sleep 1000")}));
    const pid_t daemon = number(tree, "[web] daemon ");
    BOOST_REQUIRE(until([&] { return support::parent_of(daemon) == ::getpid(); }, 20s));
    BOOST_TEST(tree.prints("[other] up"));
    ::kill(tree.pid("other"), SIGKILL);
    BOOST_TEST(tree.sees("other-auto-restarted"));
    BOOST_TEST(is_alive(daemon));
    tree["web"].kill();
    BOOST_TEST(tree.sees("web-shutdown"));
    BOOST_TEST(!is_alive(daemon));
}

// A chain of sessions, each the parent of the next: the lower ones become our orphans only when the
// upper ones die.
BOOST_AUTO_TEST_CASE(chains_are_followed) {
    const std::string chain =
        R"(setsid sh -c 'echo one $$; setsid sh -c "echo two \$\$; setsid sh -c \"echo three \\\$\\\$; sleep 1000\" & wait" & wait' & )";
    real_tree tree(*this, tree_of({shell("web", chain + "wait")}));
    const pid_t one = number(tree, "[web] one "), two = number(tree, "[web] two "),
                three = number(tree, "[web] three ");
    BOOST_TEST(support::parent_of(three) == two);
    ::kill(tree.pid("web"), SIGKILL);
    BOOST_TEST(tree.sees("web-auto-restarted"));
    for (const pid_t pid : {one, two, three}) BOOST_TEST(!is_alive(pid));
}

// A process that no child of ours started stays, although it is our child by now.
BOOST_AUTO_TEST_CASE(strangers_are_left_alone) {
    real_tree tree(*this, tree_of({shell("web", "echo up; exec sleep 1000")}));
    BOOST_TEST(tree.prints("[web] up"));
    support::program mother(
        *this, {"sh", "-c", "(setsid sleep 1000 >/dev/null & echo stranger $!); exit 0"});
    BOOST_TEST(mother.wait().value_or(-1) == 0);
    const pid_t stranger = std::stoi(mother.output().substr(9));
    BOOST_TEST(support::parent_of(stranger) == ::getpid());
    ::kill(tree.pid("web"), SIGKILL);
    BOOST_TEST(tree.sees("web-auto-restarted"));
    BOOST_TEST(is_alive(stranger));
    tree.stop();
    BOOST_TEST(is_alive(stranger));
    ::kill(stranger, SIGKILL);
}

// A grandchild outside the group that holds the output pipe and the channel does not delay the end
// of the child.
BOOST_AUTO_TEST_CASE(the_end_is_not_delayed) {
    real_tree tree(*this, tree_of({shell("web", daemonise + "echo up; wait"),
                                   shell("other", "echo up; exec sleep 1000")}));
    number(tree, "[web] daemon ");
    BOOST_TEST(tree.prints("[other] up"));
    ::kill(tree.pid("web"), SIGKILL);
    ::kill(tree.pid("other"), SIGKILL);
    BOOST_TEST(tree.sees("other-auto-restarted"));
    BOOST_TEST(tree.sees("web-auto-restarted"));
}

// Orphans that die while no child of ours ends are reaped too, as by init.
BOOST_AUTO_TEST_CASE(dead_orphans_are_reaped) {
    real_tree tree(
        *this, tree_of({shell(
                   "web", "(setsid sh -c 'echo daemon $$; exec sleep 1000' &); exec sleep 1000")}));
    supe::nursery service(time);
    service.start(tree.processes().reap_orphans(time));
    const pid_t daemon = number(tree, "[web] daemon ");
    BOOST_REQUIRE(until([&] { return support::parent_of(daemon) == ::getpid(); }, 20s));
    ::kill(daemon, SIGKILL);
    BOOST_TEST(until([&] { return ::kill(daemon, 0) != 0; }, 20s));
    end(service);
}

// A nested supervisor is killed: its children, their daemons and their groups are gone before it
// starts again.
BOOST_AUTO_TEST_CASE(nothing_is_left_of_a_killed_supervisor) {
    const std::string web =
        shell("web", daemonise + "(trap '' TERM; echo member; sleep 1000) & echo web $$; wait");
    const std::string inner = fmt::format(R"({{"name": "inner", "children": [{}]}})", web);
    real_tree tree(*this, tree_of({fmt::format(R"({{"name": "dam", "children": [{}]}})", inner)}));
    const pid_t old_web = number(tree, "[/dam/inner/web] web "),
                daemon = number(tree, "[/dam/inner/web] daemon ");
    const pid_t inner_pid = support::parent_of(old_web);
    BOOST_TEST(support::parent_of(inner_pid) == tree.pid("dam"));
    ::kill(tree.pid("dam"), SIGKILL);
    BOOST_TEST(tree.sees("dam-crashed"));
    for (const pid_t pid : {inner_pid, old_web, daemon}) BOOST_TEST(!is_alive(pid));
    BOOST_TEST(tree.sees("dam-ready", 2));
    BOOST_TEST(tree.stop());
    BOOST_TEST(tree.clean());
}

// The root is killed: its children, its nested supervisors and their children die with it.
BOOST_AUTO_TEST_CASE(nothing_outlives_a_killed_root) {
    const support::temporary_directory tmp;
    const std::string text =
        tree_of({shell("web", "trap '' TERM; echo web $$; exec sleep 1000"),
                 fmt::format(R"({{"name": "dam", "children": [{}]}})",
                             shell("low", "trap '' TERM; echo low $$; exec sleep 1000"))});
    std::ofstream(tmp / "tree.json") << text;
    support::program root(*this, {SUPE_BINARY, "run", tmp / "tree.json", "--state", tmp / "state"});
    BOOST_TEST(root.prints("low "));
    BOOST_TEST(root.prints("web "));
    const auto pid_behind = [&](const std::string& word) {
        const std::string all = root.output();
        return std::stoi(all.substr(all.find(word) + word.size()));
    };
    const pid_t web = pid_behind("] web "), low = pid_behind("] low "),
                dam = support::parent_of(low);
    root.signal(SIGKILL);
    BOOST_TEST(root.wait().value_or(0) == 128 + SIGKILL);
    for (const pid_t pid : {web, low, dam})
        BOOST_TEST(until([pid] { return !is_alive(pid); }, 20s));
}

// When a root is killed its children die, but not the processes that they started. The next root
// kills those before it starts anything, and leaves alone what belongs to another tree.
BOOST_AUTO_TEST_CASE(left_behind_by_a_killed_root) {
    const support::operator_session session, other;
    const std::string tree =
        R"({"name": "t", "children": [{"name": "web", "command": ["sh", "-c", "setsid sleep 1000 & echo $! >>pids; exec sleep 1000"]}]})";
    const auto pids = [](const support::operator_session& d) {
        std::ifstream file(d.file("pids"));
        std::vector<pid_t> all;
        for (std::string line; std::getline(file, line);) all.push_back(std::stoi(line));
        return all;
    };
    const auto started = [&](const support::operator_session& d, std::size_t n) {
        return support::until([&] { return pids(d).size() == n; });
    };
    const auto neighbour = other.run_tree(tree);
    BOOST_REQUIRE(started(other, 1));
    {
        const auto root = session.run_tree(tree);
        BOOST_REQUIRE(started(session, 1));
        root->signal(SIGKILL);
        root->wait();
    }
    const pid_t left = pids(session).front();
    BOOST_TEST(is_alive(left));
    const auto next = session.run_tree(tree);
    BOOST_TEST(!is_alive(left));
    BOOST_TEST(next->err().find("an earlier run had left behind") != std::string::npos,
               next->err());
    BOOST_REQUIRE(started(session, 2));
    BOOST_TEST(is_alive(pids(session).back()));
    BOOST_TEST(is_alive(pids(other).front()));
    for (support::command* const root : {next.get(), neighbour.get()}) {
        root->signal(SIGTERM);
        BOOST_TEST(root->wait() == 0);
    }
}

BOOST_AUTO_TEST_SUITE_END()
