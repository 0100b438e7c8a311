// How real children report that they are ready, alive and ending: by frames, by sd_notify, and not
// at all.
#include "tests/support/real_tree.hpp"

#include <boost/test/unit_test.hpp>
#include <csignal>

using namespace std::chrono_literals;
using support::helper;
using support::real_tree;
using support::shell;
using support::tree_of;

BOOST_FIXTURE_TEST_SUITE(readiness, support::event_loop)

// READY=1 makes it ready; `supe status` shows the last STATUS=; its environment has the socket, and
// the interval and pid of the watchdog.
BOOST_AUTO_TEST_CASE(notify) {
    real_tree tree(*this,
                   tree_of({helper("web", "service", R"("ready": "notify", "watchdog": "10s")")}));
    BOOST_TEST(tree.sees("web-ready"));
    BOOST_TEST(tree.prints("[web] NOTIFY_SOCKET /, WATCHDOG_USEC 10000000, WATCHDOG_PID mine"));
    BOOST_TEST(tree["web"].status_text() == "serving\uFFFD");  // always UTF-8
}

// A datagram of more than 4096 bytes has no effect, and our log says so once.
BOOST_AUTO_TEST_CASE(too_long_notifications) {
    real_tree tree(*this, tree_of({helper("web", "talkative", R"("ready": "notify")")}));
    BOOST_TEST(tree.sees("web-ready"));
    BOOST_TEST(until([&] { return tree["web"].status_text() == "short"; }, 20s));
    const auto reports = std::ranges::count_if(tree.lines(), [](const std::string& line) {
        return line.starts_with("[supe] web sent a notification (sd_notify) of more than 4096");
    });
    BOOST_TEST(reports == 1);
}

// A child without `notify` and `watchdog` has no notify socket.
BOOST_AUTO_TEST_CASE(a_socket_only_when_needed) {
    real_tree tree(*this,
                   tree_of({shell("web", R"(echo "socket <$NOTIFY_SOCKET>"; exec sleep 1000)")}));
    BOOST_TEST(tree.prints("[web] socket <>"));
}

// A child that stops pinging is aborted: a crash by SIGABRT, and it is restarted. A child that
// pings stays up.
BOOST_AUTO_TEST_CASE(watchdog) {
    const std::string hangs =
        R"({"name": "hangs", "command": ["/proc/self/exe"], "ready": "notify", "watchdog": "500ms",
                                  "env": {"SUPE_TEST_ROLE": "service", "SUPE_TEST_PINGS": "3"}})";
    real_tree tree(
        *this,
        tree_of({hangs, helper("pings", "service", R"("ready": "notify", "watchdog": "10s")")}));
    BOOST_TEST(tree.sees("hangs-auto-restarted"));
    BOOST_TEST(tree.last("hangs-crashed").find(R"("exit":{"signal":"SIGABRT","core":)") !=
               std::string::npos);
    BOOST_TEST(tree.after("[supe] hangs crashed after ").ends_with("watchdog: no ping for 0.5s"));
    BOOST_TEST(tree.deaths("hangs").at(0).text == "watchdog: no ping for 0.5s");
    BOOST_TEST(!tree.deaths("hangs").at(0).clean);
    BOOST_TEST(tree.count("pings-crashed") == 0u);
}

// A child that pings without an end holds up nobody: its sibling starts and is restarted, and the
// tree stops.
BOOST_AUTO_TEST_CASE(a_flood_of_pings) {
    real_tree tree(
        *this,
        tree_of({helper("flood", "pings_without_end", R"("ready": "notify", "watchdog": "1s")"),
                 shell("crashes", "sleep 0.2; exit 1")}));
    BOOST_TEST(tree.sees("flood-ready"));
    BOOST_TEST(tree.sees("crashes-auto-restarted"));
    BOOST_TEST(tree.count("flood-crashed") == 0u);
    BOOST_TEST(tree.stop());
}

// A started process is not ready yet: without a signal in time the start has failed, with the time
// in the text.
BOOST_AUTO_TEST_CASE(start_timeout) {
    real_tree tree(
        *this, tree_of({helper("web", "idle", R"("ready": "notify", "start_timeout": "200ms")")}));
    BOOST_TEST(tree.ends());
    BOOST_TEST(!tree.clean());
    BOOST_TEST(
        tree.last("web-start-failed") ==
        R"({"name":"web","error":{"code":"ETIMEDOUT","text":"start timed out after 0.2s"},"restarts":0})");
    BOOST_TEST(tree.root().why() == "child web could not be started: start timed out after 0.2s");
}

// Last words count: a child that reports ready and ends at once was ready, and ended cleanly.
BOOST_AUTO_TEST_CASE(ready_and_gone) {
    real_tree tree(
        *this,
        tree_of({helper("job", "ready_and_gone", R"("ready": "signal", "restart": "transient")")}));
    BOOST_TEST(tree.sees("job-shutdown"));
    BOOST_TEST(tree.count("job-ready") == 1u);
    BOOST_TEST(tree.count("job-start-failed") == 0u);
    BOOST_TEST(!tree.ended());
}

// The next child starts when the one before it is ready, and not earlier.
BOOST_AUTO_TEST_CASE(in_order) {
    real_tree tree(*this, tree_of({helper("first", "service", R"("ready": "notify")"),
                                   helper("second", "listener", R"("ready": "signal")"),
                                   helper("third", "idle")}));
    BOOST_TEST(tree.sees("second-started"));
    BOOST_TEST(tree.count("first-ready") == 1u);
    BOOST_TEST(tree.sees("third-started"));
    BOOST_TEST(tree.count("second-ready") == 1u);
}

// The last ten ends are kept, each with its cause.
BOOST_AUTO_TEST_CASE(deaths_are_remembered) {
    real_tree tree(
        *this, tree_of({shell("web", "exit 3", R"("backoff": {"max": "1ms"}, "max_restarts": 12)")},
                       R"("max_restarts": 100)"));
    BOOST_TEST(tree.sees("web-excessive-crash"));
    const auto& deaths = tree.deaths("web");
    BOOST_REQUIRE(deaths.size() == 10u);
    BOOST_TEST(deaths.back().text == "exit code 3");
    BOOST_TEST(deaths.back().exit == R"({"code":3})");
    BOOST_TEST((deaths.front().at <= deaths.back().at));
}

BOOST_AUTO_TEST_SUITE_END()
