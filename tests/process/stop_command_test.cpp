// `stop_command` of contract §5 with real processes: it runs before the signal, is supervised
// itself, and never holds up a stop for longer than `shutdown`.
#include "tests/support/files.hpp"
#include "tests/support/real_tree.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>
#include <csignal>

using namespace std::chrono_literals;
using support::real_tree;
using support::shell;
using support::tree_of;

namespace {

/// Ends when the file `quit` is there, or by SIGINT; a SIGTERM is told.
const std::string web =
    "trap 'echo TERM' TERM; echo up; while ! test -e quit; do sleep 0.01; done; echo quits";

struct fixture : support::event_loop {
    support::temporary_directory tmp;

    std::string child(const std::string& script, const std::string& stop_command,
                      const std::string& more = R"("shutdown": "60s")") {
        return shell("web", script,
                     fmt::format(R"("directory": "{}", "stop_command": {}, {})",
                                 tmp.path().string(), stop_command, more));
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(stop_command, fixture)

// It runs in the child's directory with the child's environment, and knows its pid. Its output has
// the child's label. The child ends by it alone, and gets no signal. What the command does after
// the end of the child is waited for.
BOOST_AUTO_TEST_CASE(runs_instead_of_the_signal) {
    real_tree tree(
        *this, tree_of({child(web,
                              R"(["sh", "-c", "echo $GREETING $SUPE_CHILD_PID; pwd; touch quit; )"
                              R"(while kill -0 $SUPE_CHILD_PID 2>/dev/null; do sleep 0.01; done; )"
                              R"(echo after it >&2"])",
                              R"("shutdown": "60s", "env": {"GREETING": "hello"})")}));
    BOOST_TEST(tree.prints("[web] up"));
    const pid_t pid = tree.pid("web");
    BOOST_TEST(tree.stop());
    BOOST_TEST(tree.clean());
    BOOST_TEST(tree.prints(fmt::format("[web] hello {}", pid)));
    BOOST_TEST(tree.prints("[web] " + tmp.path().string()));
    BOOST_TEST(tree.prints("[web] quits"));
    BOOST_TEST(tree.prints("[web] after it"));
    BOOST_TEST(tree.after("[web] TERM") == "");
    BOOST_TEST(tree.last("web-shutdown") == R"({"name":"web","exit":{"code":0}})");
}

// A command that cannot be started, or fails, is logged, and the signal comes at once: half of the
// time would be 60 s.
BOOST_AUTO_TEST_CASE(a_failure_is_logged) {
    const std::pair<const char*, const char*> cases[] = {
        {R"(["no-such-command"])", "no-such-command: No such file or directory"},
        {R"(["sh", "-c", "exit 3"])", "exit code 3"},
        {R"(["sh", "-c", "kill -9 $$"])", "SIGKILL"}};
    for (const auto& [command, why] : cases) {
        real_tree tree(
            *this, tree_of({child("echo up; exec sleep 1000", command, R"("shutdown": "120s")")}));
        BOOST_TEST(tree.prints("[web] up"));
        BOOST_TEST(tree.stop());
        BOOST_TEST(tree.last("web-shutdown") ==
                   R"({"name":"web","exit":{"signal":"SIGTERM","core":false}})");
        BOOST_TEST(tree.after("[supe] the stop command of web failed: ") == why);
    }
}

// A command that does nothing does not keep the signal away, and one that hangs is killed with the
// child at `shutdown`, with all that it started.
BOOST_AUTO_TEST_CASE(a_hanging_one_is_killed) {
    real_tree tree(*this,
                   tree_of({child("trap 'echo TERM' TERM; echo up; while :; do sleep 0.01; done",
                                  R"(["sh", "-c", "sleep 1000 & echo pid $!; wait"])",
                                  R"("shutdown": "600ms")")}));
    BOOST_TEST(tree.prints("[web] up"));
    BOOST_TEST(tree.stop());
    BOOST_TEST(tree.clean());
    BOOST_TEST(tree.prints("[web] TERM"));
    BOOST_TEST(tree.prints("[supe] the stop command of web had not ended, and is killed"));
    BOOST_TEST(!support::is_alive(std::stoi(tree.after("[web] pid "))));
}

// The log says so when it is the command that is waited for, and not the child.
BOOST_AUTO_TEST_CASE(a_slow_one_is_named) {
    real_tree tree(
        *this,
        tree_of({child(
            "echo up; exec sleep 1000",
            R"(["sh", "-c", "kill $SUPE_CHILD_PID; while ! test -e go; do sleep 0.01; done"])")}));
    BOOST_TEST(tree.prints("[web] up"));
    tree.root().shutdown();
    const std::string line = "[supe] waiting for the stop command of web to end, SIGKILL in ";
    BOOST_TEST(until([&] { return !tree.after(line).empty(); }, 20s));
    support::write_file(tmp / "go", "");
    BOOST_TEST(tree.ends());
}

// It runs at each stop that is asked for, and at no other end.
BOOST_AUTO_TEST_CASE(only_at_a_stop) {
    real_tree tree(*this, tree_of({child("echo up; exec sleep 1000",
                                         R"(["sh", "-c", "echo stops; kill $SUPE_CHILD_PID"])")}));
    BOOST_TEST(tree.prints("[web] up"));
    ::kill(tree.pid("web"), SIGKILL);
    BOOST_TEST(tree.prints("[web] up", 2));
    BOOST_TEST(tree.after("[web] stops") == "");
    BOOST_TEST(std::ranges::count(tree.lines(), "[web] stops") == 0);
    BOOST_TEST(tree.stop());
    BOOST_TEST(std::ranges::count(tree.lines(), "[web] stops") == 1);
}

// The second request to end the tree kills both at once.
BOOST_AUTO_TEST_CASE(the_second_request) {
    real_tree tree(*this, tree_of({child("trap '' TERM; echo up; while :; do sleep 0.01; done",
                                         R"(["sh", "-c", "echo begins; sleep 1000"])",
                                         R"("shutdown": "infinity")")}));
    BOOST_TEST(tree.prints("[web] up"));
    tree.root().shutdown();
    BOOST_TEST(tree.prints("[web] begins"));
    tree.root().kill();
    BOOST_TEST(tree.ends());
}

BOOST_AUTO_TEST_SUITE_END()
