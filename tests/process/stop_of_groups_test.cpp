// A stop of programs that are started by others (a shell, a launcher, a pipe), with real processes:
// contract §5, the stop ladder.
#include "tests/support/files.hpp"
#include "tests/support/real_tree.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>
#include <csignal>

using namespace std::chrono_literals;
using support::helper;
using support::real_tree;
using support::shell;
using support::tree_of;

namespace {

/// A program in shell that says its pid, and takes its time at SIGTERM.
const std::string app =
    R"(sh -c 'trap "sleep 0.4; echo flushed >&2; exit 0" TERM; echo pid $$ >&2; while :; do sleep 0.01; done')";

/// One that only says that it got the signal, and one that ignores it.
const std::string witness =
    R"(sh -c 'trap "echo SIGTERM >&2" TERM; echo pid $$ >&2; while :; do sleep 0.01; done')";
const std::string deaf = R"(sh -c 'trap "" TERM; echo pid $$ >&2; while :; do sleep 0.01; done')";

struct fixture : support::event_loop {
    /// The process that wrote `[web] pid N`.
    pid_t pid_in(real_tree& tree) {
        BOOST_REQUIRE(until([&] { return !tree.after("[web] pid ").empty(); }, 20s));
        return std::stoi(tree.after("[web] pid "));
    }
    supe::duration duration_of_stop(real_tree& tree) {
        const auto began = time.now();
        BOOST_TEST(tree.stop());
        return time.now() - began;
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(stop_of_groups, fixture)

// An app behind a shell, in a pipe, or behind a launcher gets the signal, and the time that it
// needs, though the first process is dead at once. The end that is reported is that of the first
// process. The stop is over as soon as the app is.
BOOST_AUTO_TEST_CASE(an_app_behind_another_process_has_its_time) {
    const std::string behind_python =
        R"x({"name": "web", "shutdown": "20s", "command": ["python3", "-c", "import subprocess, sys; subprocess.call(sys.argv[1:])", )x"
        R"x("sh", "-c", "trap 'sleep 0.4; echo flushed >&2; exit 0' TERM; echo pid $$ >&2; while :; do sleep 0.01; done"]})x";
    for (const std::string& child :
         {shell("web", app + "; true", R"("shutdown": "20s")"),
          shell("web", "cd / && " + app + " && true", R"("shutdown": "20s")"),
          shell("web", app + " | cat", R"("shutdown": "20s")"),
          shell("web", app + " 2>&1 | (trap '' TERM; cat)", R"("shutdown": "20s")"),
          behind_python}) {
        BOOST_TEST_CONTEXT(child) {
            real_tree tree(*this, tree_of({child}));
            const pid_t pid = pid_in(tree);
            BOOST_TEST(pid != tree.pid("web"));
            const auto took = duration_of_stop(tree);
            BOOST_TEST((took >= 400ms && took < 5s));
            BOOST_TEST(tree.count("web-shutdown") == 1u);
            BOOST_TEST(tree.prints("[web] flushed"));
            BOOST_TEST(tree.last("web-shutdown") ==
                       R"({"name":"web","exit":{"signal":"SIGTERM","core":false}})");
            BOOST_TEST(!support::is_alive(pid));
        }
    }
}

// What of the group ignores the signal is killed at `shutdown`, and not before. The log says that
// it is the rest that is waited for.
BOOST_AUTO_TEST_CASE(what_ignores_the_signal_is_killed_in_the_end) {
    real_tree tree(*this, tree_of({shell("web", deaf + "; true", R"("shutdown": "2500ms")")}));
    const pid_t pid = pid_in(tree);
    const std::string first = std::to_string(tree.pid("web"));
    const auto took = duration_of_stop(tree);
    BOOST_TEST((took >= 2500ms && took < 8s));
    BOOST_TEST(!support::is_alive(pid));
    BOOST_TEST(
        !tree.after("[supe] waiting for the group " + first + " that web left to stop, SIGKILL in ")
             .empty());
    BOOST_TEST(tree.last("web-shutdown") ==
               R"({"name":"web","exit":{"signal":"SIGTERM","core":false}})");
}

// What is left of the group is dead, and its parent, which left the group, never reaps it: it is
// not waited for.
BOOST_AUTO_TEST_CASE(a_zombie_is_not_waited_for) {
    const support::temporary_directory tmp;
    const std::string script = support::write_file(tmp / "zombie.py", R"(
import os, time
if os.fork() == 0:
    member = os.fork()
    if member == 0:
        os._exit(0)
    os.setsid()
    os.waitid(os.P_PID, member, os.WEXITED | os.WNOWAIT)
    print("pid", os.getpid(), flush=True)
    time.sleep(1000)
time.sleep(1000)
)");
    const auto child = [&](const std::string& limit) {
        return fmt::format(R"({{"name": "web", "shutdown": "{}", "command": ["python3", "{}"]}})",
                           limit, script);
    };
    for (const char* const limit : {"infinity", "60s"}) {
        real_tree tree(*this, tree_of({child(limit)}));
        const pid_t pid = pid_in(tree);
        BOOST_TEST(tree.stop());
        BOOST_TEST(!support::is_alive(pid));
    }
}

// The second stop of the tree kills what is left of the group at once.
BOOST_AUTO_TEST_CASE(a_kill_ends_the_wait) {
    real_tree tree(*this, tree_of({shell("web", deaf + "; true", R"("shutdown": "infinity")")}));
    const pid_t pid = pid_in(tree);
    const pid_t first = tree.pid("web");
    tree.root().shutdown();
    BOOST_REQUIRE(until([&] { return !support::is_alive(first); }, 20s));
    BOOST_TEST(support::is_alive(pid));
    BOOST_TEST(!tree.ended());
    tree.root().kill();
    BOOST_TEST(tree.ends());
    BOOST_TEST(!support::is_alive(pid));
}

// `kill_mode` mixed: the first process alone gets the signal, and has the time; with its end the
// rest is killed.
BOOST_AUTO_TEST_CASE(mixed_is_for_the_first_process) {
    real_tree tree(
        *this, tree_of({shell(
                   "web", "trap 'sleep 0.3; echo done >&2; exit 7' TERM; " + witness + " & wait",
                   R"("shutdown": "20s", "kill_mode": "mixed")")}));
    const pid_t pid = pid_in(tree);
    BOOST_TEST((duration_of_stop(tree) < 5s));
    BOOST_TEST(tree.prints("[web] done"));
    BOOST_TEST(tree.after("[web] SIG") == "");
    BOOST_TEST(tree.last("web-shutdown") == R"({"name":"web","exit":{"code":7}})");
    BOOST_TEST(!support::is_alive(pid));
}

// A stopped group is continued, so that all of it act on the signal.
BOOST_AUTO_TEST_CASE(sigcont_is_for_the_group_too) {
    real_tree tree(*this, tree_of({shell("web", app + "; true", R"("shutdown": "20s")")}));
    const pid_t pid = pid_in(tree);
    ::kill(-tree.pid("web"), SIGSTOP);
    BOOST_TEST((duration_of_stop(tree) < 5s));
    BOOST_TEST(tree.prints("[web] flushed"));
    BOOST_TEST(!support::is_alive(pid));
}

// A group that is being stopped is no left-over of a life that is over: the end of another child,
// after which orphans are looked for, leaves it alone.
BOOST_AUTO_TEST_CASE(other_ends_leave_it_its_time) {
    real_tree tree(*this, tree_of({shell("web", app + "; true", R"("shutdown": "20s")"),
                                   helper("other", "idle", R"("restart": "temporary")")}));
    const pid_t pid = pid_in(tree);
    BOOST_TEST(tree.prints("[other] up"));
    const pid_t first = tree.pid("web");
    tree["web"].stop();
    BOOST_REQUIRE(until([&] { return !support::is_alive(first); }, 20s));
    tree["other"].kill();
    BOOST_TEST(tree.sees("other-shutdown"));
    BOOST_TEST(tree.sees("web-shutdown"));
    BOOST_TEST(tree.prints("[web] flushed"));
    BOOST_TEST(!support::is_alive(pid));
}

// An end that nobody asked for, and one by the watchdog, give the rest of the group no time.
BOOST_AUTO_TEST_CASE(other_ends_give_no_time) {
    for (const std::string members :
         {R"("shutdown": "60s", "restart": "temporary")",
          R"("shutdown": "60s", "restart": "temporary", "watchdog": "300ms")"}) {
        real_tree tree(*this, tree_of({shell("web", app + "; true", members)}));
        const pid_t pid = pid_in(tree);
        if (!members.ends_with("ms\"")) ::kill(tree.pid("web"), SIGKILL);
        BOOST_TEST(tree.sees("web-crashed"));
        BOOST_TEST(tree.after("[web] flushed") == "");
        BOOST_TEST(!support::is_alive(pid));
    }
}

BOOST_AUTO_TEST_SUITE_END()
