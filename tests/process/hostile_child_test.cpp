// Children that print without end or send rubbish on their channel: neither the supervisor nor
// their siblings are affected.
#include "supe/control/client.hpp"
#include "tests/support/program.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>

using namespace std::chrono_literals;

namespace {

/// A running tree whose children are shell commands.
struct shell_tree {
    support::event_loop loop;
    support::temporary_directory directory;
    std::unique_ptr<support::program> supe;

    explicit shell_tree(const std::string& children) {
        std::ofstream(directory / "tree.json")
            << R"({"name": "hostile", "children": [)" << children << "]}";
        supe = std::make_unique<support::program>(
            loop, std::vector<std::string>{SUPE_BINARY, "run", directory / "tree.json", "--state",
                                           directory / "state"});
    }
    boost::json::value ask(const boost::json::object& request) const {
        auto client = supe::control::client::connect(directory / "state");
        return client ? client->ask(request) : boost::json::value(nullptr);
    }
    /// The supervisor's peak memory in KiB.
    std::size_t peak_kib() const {
        std::ifstream status("/proc/" + std::to_string(supe->pid()) + "/status");
        for (std::string line; std::getline(status, line);)
            if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6));
        return 0;
    }
    /// A sibling still answers.
    void expect_alive() {
        const auto answer = ask({{"do", "status"}, {"address", "/calm"}});
        BOOST_TEST_REQUIRE(answer.is_object());
        BOOST_TEST(answer.at("ok").at("state").as_string() == "running");
        BOOST_TEST(answer.at("ok").at("restarts").as_int64() == 0);
    }
    void expect_clean_stop() {
        supe->signal(SIGTERM);
        BOOST_TEST(supe->wait().value_or(-1) == 0);
    }
};

const std::string calm = R"({"name": "calm", "command": ["sleep", "1000"]})";

}  // namespace

BOOST_AUTO_TEST_SUITE(hostile_child)

// A gigabyte without a newline takes the memory of one line, which is printed cut.
BOOST_AUTO_TEST_CASE(a_gigabyte_without_a_newline) {
    shell_tree tree(calm + R"(,{"name": "loud", "restart": "temporary", "command": ["sh", "-c",
        "head -c 1000000000 /dev/zero | tr '\\0' x; echo; echo the end"]})");
    BOOST_TEST(tree.supe->prints("[loud] the end", 60s));
    const std::string output = tree.supe->output();
    BOOST_TEST(output.size() < 200000u);
    BOOST_TEST(output.find("xxx [cut]\n") != std::string::npos);
    BOOST_TEST(tree.peak_kib() < 64u * 1024);
    tree.expect_alive();
    tree.expect_clean_stop();
}

// Rubbish on the channel is dropped and reported by `component-bad-frame`; a frame that never ends
// does not fill the memory.
BOOST_AUTO_TEST_CASE(rubbish_on_the_channel) {
    shell_tree tree(calm + R"(,{"name": "mad", "restart": "temporary", "command": ["sh", "-c",
        "head -c 3000000 /dev/urandom >&3; echo >&3; echo '{\"type\":\"mail\",\"to\":7}' >&3; head -c 200000000 /dev/zero >&3; echo >&3; echo said it all"]})");
    BOOST_TEST(tree.supe->prints("[mad] said it all", 60s));
    const auto notices =
        support::run(tree.loop, {SUPE_BINARY, "notices", "component-bad-frame", "--timeout",
                                 "200ms", "--state", tree.directory / "state"});
    BOOST_TEST(notices.output.find("\"name\":\"mad\"") != std::string::npos, notices.output);
    BOOST_TEST(tree.peak_kib() < 128u * 1024);
    tree.expect_alive();
    tree.expect_clean_stop();
}

// A child that never reads takes a bounded buffer: its further mail waits in its mailbox.
BOOST_AUTO_TEST_CASE(a_child_that_never_reads) {
    shell_tree tree(calm + R"(,{"name": "deaf", "command": ["sh", "-c",
        "echo '{\"type\":\"signal\",\"signal\":\"READY-TO-RECEIVE-MAIL\",\"data\":{\"window\":1000}}' >&3; exec sleep 1000"]})");
    BOOST_TEST(tree.loop.until([&] { return tree.ask({{"do", "status"}}).is_object(); }, 20s));
    const std::string large(100000, 'm');
    for (int i = 0; i < 200; ++i)
        BOOST_TEST(
            tree.ask({{"do", "mail"}, {"to", "/deaf"}, {"msg", large}}).at("ok").as_string() ==
            "accepted");
    const auto box = tree.ask({{"do", "status"}, {"address", "/deaf"}}).at("ok").at("mailbox");
    BOOST_TEST(box.at("queued").to_number<int>() + box.at("in_flight").to_number<int>() == 200);
    BOOST_TEST(box.at("in_flight").to_number<int>() < 50);
    tree.expect_alive();
    tree.expect_clean_stop();
}

BOOST_AUTO_TEST_SUITE_END()
