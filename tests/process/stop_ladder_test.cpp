// The stop ladder of contract §5 with real processes, rung by rung.
#include "supe/tree/tree_file.hpp"
#include "tests/support/real_tree.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>

using namespace std::chrono_literals;
using support::helper;
using support::real_tree;
using support::shell;
using support::tree_of;

namespace {

constexpr auto stopping = supe::lifecycle::state::stopping;

/// A child that sends a frame. SCRIPT goes on with the channel as descriptor 3.
std::string speaker(const std::string& script, const std::string& members) {
    return shell("web",
                 "trap 'echo signalled; exit 0' TERM; "
                 R"(echo '{"type":"signal","signal":"COMPONENT-READY"}' >&3; )"
                 "echo up; " +
                     script,
                 R"("ready": "signal", )" + members);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(stop_ladder, support::event_loop)

// A child that never sent a frame gets its stop signal at once: the next step would come after 8 s.
BOOST_AUTO_TEST_CASE(the_signal_comes_at_once) {
    real_tree tree(
        *this,
        tree_of({shell("web", "trap 'echo bye; exit 0' INT; echo up; while :; do sleep 0.01; done",
                       R"("stop_signal": "SIGINT", "shutdown": "60s")")}));
    BOOST_TEST(tree.prints("[web] up"));
    BOOST_TEST(tree.stop());
    BOOST_TEST(tree.clean());
    BOOST_TEST(tree.after("[web] ") == "bye");
    BOOST_TEST(tree.last("web-shutdown") == R"({"name":"web","exit":{"code":0}})");
}

// A reload that changes the stop signal restarts the child: its old process gets the old signal,
// the only one that it ends with.
BOOST_AUTO_TEST_CASE(a_life_keeps_its_signal) {
    const auto text = [](const std::string& members) {
        return tree_of({shell("web",
                              "trap 'echo bye; exit 0' USR1; trap '' TERM; echo up; "
                              "while :; do sleep 0.01; done",
                              members)});
    };
    real_tree tree(*this, text(R"("stop_signal": "SIGUSR1", "shutdown": "60s")"));
    BOOST_TEST(tree.prints("[web] up"));
    std::optional<std::string> problem;
    supe::nursery tasks(time);
    tasks.start([](supe::supervisor& root, std::string now,
                   std::optional<std::string>& into) -> supe::awaitable<> {
        into = co_await root.admin().reload(supe::parse_tree(now, "tree", "/"));
    }(tree.root(), text(R"("shutdown": "100ms")"), problem));
    BOOST_TEST(tree.prints("[web] bye"));
    BOOST_TEST(until([&] { return problem.has_value(); }, 20s));
    BOOST_TEST(problem.value_or("no answer") == "");
    BOOST_TEST(tree.prints("[web] up", 2));
    BOOST_TEST(tree.stop());
    end(tasks);
}

// A child that ignores every signal, and has closed its channel, is killed at `shutdown`; its end
// is clean, since it was requested.
BOOST_AUTO_TEST_CASE(the_stubborn_are_killed) {
    real_tree tree(*this, tree_of({helper("web", "stubborn", R"("shutdown": "200ms")")}));
    BOOST_TEST(tree.prints("[web] up"));
    BOOST_TEST(tree.stop());
    BOOST_TEST(tree.clean());
    BOOST_TEST(tree.last("web-shutdown") ==
               R"({"name":"web","exit":{"signal":"SIGKILL","core":false}})");
}

// A child that sends frames gets SUPE-SHUTDOWN at once and its signal later. A child that only
// reads gets the same with `ask`. Any other child gets both at once.
BOOST_AUTO_TEST_CASE(a_child_with_frames_is_asked_first) {
    real_tree tree(
        *this,
        tree_of({helper("speaks", "listener", R"("ready": "signal", "shutdown": "600ms")")}));
    BOOST_TEST(tree.sees("speaks-ready"));
    BOOST_TEST(tree.prints("[speaks] up"));
    BOOST_TEST(tree.stop());
    const auto asked =
        std::ranges::find(tree.lines(), R"([speaks] {"type":"signal","signal":"SUPE-SHUTDOWN"})");
    const auto signalled = std::ranges::find(tree.lines(), "[speaks] SIGTERM");
    BOOST_TEST((asked < signalled && signalled != tree.lines().end()));
    BOOST_TEST((time.now() - tree["speaks"].started_at() >= 600ms));
}

BOOST_AUTO_TEST_CASE(ask_is_for_children_without_frames) {
    // Without `ask` the signal comes at once; with it, only at half of a time that is not reached
    // here.
    const std::string mute =
        R"("command": ["/proc/self/exe"], "env": {"SUPE_TEST_ROLE": "listener", "SUPE_TEST_MUTE": "1"})";
    real_tree tree(*this,
                   tree_of({R"({"name": "asked", "ask": true, "shutdown": "120s", )" + mute + "}",
                            R"({"name": "signalled", "shutdown": "120s", )" + mute + "}"}));
    BOOST_TEST(tree.prints("[asked] up"));
    BOOST_TEST(tree.prints("[signalled] up"));
    tree["asked"].stop();
    tree["signalled"].stop();
    BOOST_TEST(tree.prints("[signalled] SIGTERM"));
    BOOST_TEST(tree.prints(R"([asked] {"type":"signal","signal":"SUPE-SHUTDOWN"})"));
    BOOST_TEST(tree.after("[asked] S") == "");
    tree["asked"].kill();
    tree["signalled"].kill();
    BOOST_TEST(tree.sees("component-shutdown", 2));
}

// SIGCONT follows the stop signal, so that a stopped process acts on it.
BOOST_AUTO_TEST_CASE(sigcont_follows) {
    real_tree tree(*this, tree_of({helper("web", "idle", R"("shutdown": "60s")")}));
    BOOST_TEST(tree.prints("[web] up"));
    ::kill(tree.pid("web"), SIGSTOP);
    BOOST_TEST(tree.stop());
    BOOST_TEST(tree.last("web-shutdown") ==
               R"({"name":"web","exit":{"signal":"SIGTERM","core":false}})");
}

// The whole group is gone after every end, requested or not, also a grandchild that ignores all
// signals.
BOOST_AUTO_TEST_CASE(the_group_goes_with_it) {
    for (const bool asked : {true, false}) {
        real_tree tree(
            *this,
            tree_of({shell("web", "(trap '' TERM INT HUP; echo up; sleep 1000) & echo pid $!; wait",
                           R"("restart": "transient", "clean_exits": [0], "max_restarts": 0)")}));
        BOOST_TEST(tree.prints("[web] up"));
        BOOST_REQUIRE(until([&] { return !tree.after("[web] pid ").empty(); },
                            20s));  // they may come in either order
        const pid_t grandchild = std::stoi(tree.after("[web] pid "));
        BOOST_TEST(support::is_alive(grandchild));
        if (asked) {
            tree.stop();
        } else {
            ::kill(tree.pid("web"), SIGKILL);
            BOOST_TEST(tree.sees("web-crashed"));
        }
        BOOST_TEST(!support::is_alive(grandchild));
    }
}

// While a stop takes long, the log names the child, and the time until SIGKILL.
BOOST_AUTO_TEST_CASE(slow_stops_are_reported) {
    real_tree tree(*this, tree_of({helper("web", "stubborn", R"("shutdown": "2500ms")")}));
    BOOST_TEST(tree.prints("[web] up"));
    const pid_t pid = tree.pid("web");
    BOOST_TEST(tree.stop());
    const std::string expected =
        "[supe] waiting for web (pid " + std::to_string(pid) + ") to stop, SIGKILL in ";
    BOOST_TEST(!tree.after(expected).empty());
}

// `infinity`: no process is killed before a second stop; a second stop of the whole tree kills at
// once.
BOOST_AUTO_TEST_CASE(infinity) {
    real_tree tree(
        *this,
        tree_of({helper("web", "listener", R"("ready": "signal", "shutdown": "infinity")")}));
    BOOST_TEST(tree.sees("web-ready"));
    BOOST_TEST(tree.prints("[web] up"));
    tree["web"].stop();
    BOOST_TEST(tree.prints(R"([web] {"type":"signal","signal":"SUPE-SHUTDOWN"})"));
    BOOST_TEST(tree.after("[web] S") == "");
    tree["web"].stop();
    BOOST_TEST(tree.prints("[web] SIGTERM"));
    tree.root().shutdown();
    tree.root().kill();
    BOOST_TEST(tree.ends());
}

// A child that closed its channel, and lives on, cannot be asked: the signal comes at once. The log
// says that its mail waits.
BOOST_AUTO_TEST_CASE(a_closed_channel) {
    real_tree tree(
        *this,
        tree_of({speaker("exec 3>&-; while :; do sleep 0.01; done", R"("shutdown": "infinity")")}));
    BOOST_TEST(tree.sees("web-ready"));
    BOOST_TEST(
        tree.prints("[supe] web has closed its channel: mail for it waits for its next life"));
    BOOST_TEST(tree.stop());
    BOOST_TEST(tree.prints("[web] signalled"));
}

// So it is where the channel ends during the stop, and SUPE-SHUTDOWN lay there unread.
BOOST_AUTO_TEST_CASE(a_channel_that_is_closed_during_the_stop) {
    const support::temporary_directory tmp;
    const std::string go = (tmp / "go").string();
    real_tree tree(*this, tree_of({speaker("while [ ! -e " + go +
                                               " ]; do sleep 0.01; done; exec 3>&-; "
                                               "while :; do sleep 0.01; done",
                                           R"("shutdown": "infinity")")}));
    BOOST_TEST(tree.sees("web-ready"));
    tree["web"].stop();
    BOOST_TEST(until([&] { return tree["web"].state().current() == stopping; }, 20s));
    BOOST_TEST(std::ranges::count(tree.lines(), "[web] signalled") == 0);
    std::ofstream(go) << "now";
    BOOST_TEST(tree.prints("[web] signalled"));
    BOOST_TEST(tree.sees("web-shutdown"));
}

// One that has read SUPE-SHUTDOWN may close the channel, as Node programs do, and has its time.
BOOST_AUTO_TEST_CASE(a_channel_that_is_closed_by_a_stopping_child) {
    real_tree tree(*this, tree_of({speaker("read -r asked <&3; exec 3>&-; sleep 0.2; echo done",
                                           R"("shutdown": "60s")")}));
    BOOST_TEST(tree.sees("web-ready"));
    BOOST_TEST(tree.prints("[web] up"));
    BOOST_TEST(tree.stop());
    BOOST_TEST(tree.prints("[web] done"));
    BOOST_TEST(std::ranges::count(tree.lines(), "[web] signalled") == 0);
}

BOOST_AUTO_TEST_SUITE_END()
