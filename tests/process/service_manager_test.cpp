// A tree below systemd: its notifications (sd_notify(3)).
#include "supe/process/notify_socket.hpp"
#include "tests/support/program.hpp"
#include "tests/support/real_tree.hpp"

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>

using namespace std::chrono_literals;
using support::shell;
using support::tree_of;

namespace {

struct fixture : support::event_loop {
    support::temporary_directory tmp;
    supe::notify_socket manager = supe::notify_socket::open({});
    std::string received;

    /// True when the datagrams so far have this line.
    bool gets(const std::string& line) {
        return until(
            [&] {
                for (const std::string& datagram : manager.receive(0)) received += datagram + "\n";
                return ("\n" + received).find("\n" + line + "\n") != std::string::npos;
            },
            20s);
    }
    std::vector<std::string> command(const std::string& tree) {
        std::ofstream(tmp / "tree.json") << tree;
        return {SUPE_BINARY, "run", tmp / "tree.json", "--state", tmp / "state"};
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(service_manager, fixture)

// READY=1 when the whole tree is ready and not before; STATUS counts the children that are up;
// STOPPING=1 when it is stopped. Its children do not get NOTIFY_SOCKET.
BOOST_AUTO_TEST_CASE(ready_and_stopping) {
    const auto tree = tree_of(
        {shell("first", R"(echo "socket <$NOTIFY_SOCKET$WATCHDOG_USEC>"; exec sleep 1000)"),
         shell("second",
               "while [ ! -e go ]; do sleep 0.01; done; echo "
               "'{\"type\":\"signal\",\"signal\":\"COMPONENT-READY\"}' >&3; exec sleep 1000",
               R"("ready": "signal", "directory": ")" + tmp.path().string() + "\"")});
    support::program root(*this, command(tree), {{"NOTIFY_SOCKET", manager.name()}});
    BOOST_TEST(root.prints("[first] socket <>"));
    BOOST_TEST(gets("STATUS=1 of 2 children up"));
    BOOST_TEST(received.find("READY=1") == std::string::npos);
    std::ofstream(tmp / "go") << "";
    BOOST_TEST(gets("READY=1\nSTATUS=2 of 2 children up"));
    root.signal(SIGTERM);
    BOOST_TEST(root.wait().value_or(-1) == 0);
    BOOST_TEST(gets("STOPPING=1"));
}

// WATCHDOG=1 comes again and again when WATCHDOG_PID is this process, and never when it is another
// one.
BOOST_AUTO_TEST_CASE(watchdog) {
    const auto tree = tree_of({shell("web", "echo up; exec sleep 1000")});
    const auto start = command(tree);
    {
        support::program root(
            *this, start,
            {{"NOTIFY_SOCKET", manager.name()}, {"WATCHDOG_USEC", "40000"}, {"WATCHDOG_PID", "1"}});
        BOOST_TEST(gets("READY=1"));
        root.signal(SIGTERM);
        BOOST_TEST(root.wait().value_or(-1) == 0);
        BOOST_TEST(gets("STOPPING=1"));
        BOOST_TEST(received.find("WATCHDOG=1") == std::string::npos);
    }
    received.clear();
    support::program root(*this, start,
                          {{"NOTIFY_SOCKET", manager.name()}, {"WATCHDOG_USEC", "40000"}});
    BOOST_TEST(gets("WATCHDOG=1\nWATCHDOG=1\nWATCHDOG=1"));
}

BOOST_AUTO_TEST_SUITE_END()
