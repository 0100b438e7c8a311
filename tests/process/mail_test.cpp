// Mail between real processes: order, limits, and what SIGKILL at random times may and may not lose
// (contract §3).
#include "tests/support/program.hpp"
#include "tests/support/temporary_directory.hpp"

#include "supe/control/client.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>
#include <random>
#include <set>

using namespace std::chrono_literals;
namespace json = boost::json;
using words = std::vector<std::string>;

namespace {

std::string who(const std::string& name, const std::string& role, const std::filesystem::path& log,
                const std::string& variables, const std::string& members = {}) {
    return fmt::format(
        R"({{"name": "{}", "command": ["/proc/self/exe"], "max_restarts": 10000, "within": "1s",
        "backoff": {{"first": "0ms", "max": "0ms"}}, "env": {{"SUPE_TEST_ROLE": "{}", "SUPE_TEST_LOG": "{}"{}}}{}}})",
        name, role, log.string(), variables, members);
}

/// `supe run` of a tree, with the logs of its children.
struct mail_tree {
    support::event_loop loop;
    support::temporary_directory directory;
    std::unique_ptr<support::program> supe;
    std::filesystem::path sent = directory / "sent", got = directory / "got";

    std::string flooder(const std::string& to, int count, int size, int pause_us = 0) const {
        return who(
            "flooder", "mail_flooder", sent,
            fmt::format(
                R"(, "SUPE_TEST_TO": "{}", "SUPE_TEST_COUNT": "{}", "SUPE_TEST_SIZE": "{}", "SUPE_TEST_PAUSE_US": "{}")",
                to, count, size, pause_us));
    }
    std::string recorder(int window, const std::string& members = {}, int pause_us = 0) const {
        return who("recorder", "mail_recorder", got,
                   fmt::format(R"(, "SUPE_TEST_WINDOW": "{}", "SUPE_TEST_PAUSE_US": "{}")", window,
                               pause_us),
                   members);
    }
    void run(const std::string& children, const std::string& members = {}) {
        const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
        std::string text = fmt::format(
            R"({{"name": "t", "max_restarts": 100000, "within": "1s"{}, "children": [{}]}})",
            members, children);
        for (std::size_t at; (at = text.find("/proc/self/exe")) != text.npos;)
            text.replace(at, 14, self);
        std::ofstream(directory / "tree.json") << text;
        start();
    }
    void start() {
        supe = std::make_unique<support::program>(
            loop,
            words{SUPE_BINARY, "run", directory / "tree.json", "--state", directory / "state"});
    }

    static words lines(const std::filesystem::path& file) {
        words all;
        std::ifstream in(file);
        for (std::string line; std::getline(in, line);) all.push_back(line);
        return all;
    }
    /// The names of the recorded mails, each as often as it came.
    words recorded() const {
        words all = lines(got);
        for (std::string& line : all) line.resize(line.find(' '));
        return all;
    }
    /// The mails for which the sender noted this outcome.
    std::set<std::string> answered(const std::string& what) const {
        std::set<std::string> all;
        for (const std::string& line : lines(sent))
            if (line.starts_with(what + " ")) all.insert(line.substr(what.size() + 1));
        return all;
    }
    bool waits_for(const std::function<bool()>& fact, supe::duration limit = 120s) {
        return loop.until(fact, limit);
    }
    /// Waits until every accepted mail is recorded.
    bool all_accepted_arrive() {
        return waits_for([&] {
            const words came = recorded();
            const std::set<std::string> there(came.begin(), came.end());
            return std::ranges::includes(there, answered("accepted"));
        });
    }
    json::value status(const std::string& address) const {
        auto client = supe::control::client::connect(directory / "state");
        const json::value answer =
            client ? client->ask({{"do", "status"}, {"address", address}}) : json::value();
        return answer.is_object() && answer.get_object().contains("ok") ? answer.at("ok")
                                                                        : json::value();
    }
    pid_t pid_of(const std::string& address) const {
        const json::value node = status(address);
        return node.is_object() && node.at("pid").is_int64()
                   ? static_cast<pid_t>(node.at("pid").get_int64())
                   : 0;
    }
    void kill(const std::string& address) const {
        if (const pid_t pid = pid_of(address); pid > 0) ::kill(pid, SIGKILL);
    }
    std::size_t peak_kib() const {
        std::ifstream file("/proc/" + std::to_string(supe->pid()) + "/status");
        for (std::string line; std::getline(file, line);)
            if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6));
        return 0;
    }
    void expect_clean_stop() {
        supe->signal(SIGTERM);
        BOOST_TEST(supe->wait().value_or(-1) == 0);
    }
};

/// First deliveries come in the order of sending, for each life of the sender.
void expect_order(const words& came) {
    std::set<std::string> seen;
    std::map<std::string, long> last;
    for (const std::string& name : came) {
        if (!seen.insert(name).second) continue;
        const auto dash = name.find('-');
        const long number = std::stol(name.substr(dash + 1));
        long& before = last[name.substr(0, dash)];
        BOOST_TEST(number > before, name << " came behind " << before);
        before = number;
    }
}

const std::string roomy = R"(, "mail": {"limit": 200000})";

}  // namespace

BOOST_AUTO_TEST_SUITE(mail)

// A hundred thousand small mails at once: each arrives exactly once, in order.
BOOST_AUTO_TEST_CASE(a_hundred_thousand_small_ones) {
    mail_tree t;
    t.run(t.recorder(256, roomy) + "," + t.flooder("recorder", 100'000, 200));
    BOOST_TEST(t.waits_for([&] { return mail_tree::lines(t.got).size() >= 100'000; }));
    const words came = t.recorded();
    BOOST_TEST(came.size() == 100'000u);
    expect_order(came);
    t.expect_clean_stop();
}

// Ten mails just below the limit of a frame arrive whole and in order, and their memory is given
// back.
BOOST_AUTO_TEST_CASE(ten_huge_ones) {
    mail_tree t;
    constexpr int size = (16 << 20) - 1000;
    t.run(t.recorder(1) + "," + t.flooder("recorder", 10, size));
    BOOST_TEST(t.waits_for([&] { return mail_tree::lines(t.got).size() >= 10; }));
    for (const std::string& line : mail_tree::lines(t.got))
        BOOST_TEST(std::stol(line.substr(line.find(' '))) > size);
    expect_order(t.recorded());
    t.expect_clean_stop();
}

// A flood for a child that never reads is refused at the limit, in bounded memory, and the other
// children go on.
BOOST_AUTO_TEST_CASE(a_flood_for_a_silent_child) {
    mail_tree t;
    t.run(R"({"name": "silent", "command": ["sleep", "1000"], "mail": {"limit_bytes": "16MiB"}},)" +
          t.recorder(1) + "," + t.flooder("silent", 60'000, 1000));
    BOOST_TEST(t.waits_for([&] {
        return t.answered("accepted").size() + t.answered("mailbox-full").size() == 60'000;
    }));
    const std::size_t accepted = t.answered("accepted").size();
    BOOST_TEST(accepted > 14'000u);
    BOOST_TEST(accepted < 17'000u);
    BOOST_TEST(t.status("/silent").at("mailbox").at("queued").as_int64() ==
               static_cast<std::int64_t>(accepted));
    BOOST_TEST(t.peak_kib() < 64u * 1024);
    t.expect_clean_stop();
}

// A slow reader under `block`: no mail is refused, all mail arrives in order, and at most twice the
// limit is held.
BOOST_AUTO_TEST_CASE(a_slow_reader_holds_its_sender) {
    mail_tree t;
    t.run(t.recorder(1, R"(, "mail": {"limit": 100, "on_full": "block"})", 200) + "," +
          t.flooder("recorder", 1100, 100));
    BOOST_TEST(t.waits_for([&] { return mail_tree::lines(t.got).size() >= 1100; }));
    BOOST_TEST(t.answered("mailbox-full").empty());
    BOOST_TEST(t.answered("accepted").size() == 1100u);
    expect_order(t.recorded());
    t.expect_clean_stop();
}

// The recipient is killed again and again: all accepted mail arrives, in order.
BOOST_AUTO_TEST_CASE(the_recipient_is_killed) {
    mail_tree t;
    t.run(t.recorder(8, R"(, "mail": {"limit": 200000, "attempts": 1000})") + "," +
          t.flooder("recorder", 5000, 200, 100));
    std::mt19937 dice(1);
    for (int n = 0; n < 20; ++n) {
        t.loop.run_for(std::chrono::milliseconds(dice() % 60));
        t.kill("/recorder");
    }
    BOOST_TEST(t.waits_for([&] { return t.answered("accepted").size() == 5000; }));
    BOOST_TEST(t.all_accepted_arrive());
    expect_order(t.recorded());
    t.expect_clean_stop();
}

// A nested supervisor with a journal is killed again and again: no mail that was accepted below it
// is lost.
BOOST_AUTO_TEST_CASE(a_nested_supervisor_is_killed) {
    mail_tree t;
    t.run(fmt::format(
              R"({{"name": "n", "mail": {{"journal": true}}, "max_restarts": 10000, "within": "1s",
        "backoff": {{"first": "0ms", "max": "0ms"}}, "children": [{}]}},)",
              t.recorder(8)) +
          t.flooder("/n/recorder", 3000, 200, 200));
    std::mt19937 dice(2);
    for (int n = 0; n < 8; ++n) {
        t.loop.run_for(std::chrono::milliseconds(dice() % 150));
        t.kill("/n");
    }
    BOOST_TEST(t.waits_for([&] { return t.answered("accepted").size() == 3000; }));
    BOOST_TEST(t.all_accepted_arrive());
    t.expect_clean_stop();
}

// The root with a journal is killed again and again, with all processes: no accepted mail is lost.
BOOST_AUTO_TEST_CASE(the_root_is_killed) {
    mail_tree t;
    t.run(t.recorder(8, roomy) + "," + t.flooder("recorder", 2000, 200, 200),
          R"(, "mail": {"journal": true})");
    std::mt19937 dice(3);
    for (int n = 0; n < 5; ++n) {
        BOOST_TEST(t.waits_for([&] { return t.status("/recorder").is_object(); }));
        t.loop.run_for(std::chrono::milliseconds(dice() % 300));
        ::kill(t.supe->pid(), SIGKILL);
        t.supe->wait();
        t.start();
    }
    BOOST_TEST(t.waits_for([&] { return t.status("/recorder").is_object(); }));
    BOOST_TEST(!t.answered("accepted").empty());
    BOOST_TEST(t.all_accepted_arrive());
    std::set<std::string> new_ones;  // mail that may have been handled before has attempt 2 or more
    for (const std::string& line : mail_tree::lines(t.got)) {
        if (!line.ends_with(" first")) continue;
        const std::string name = line.substr(0, line.find(' '));
        BOOST_TEST(new_ones.insert(name).second, name << " came again as if for the first time");
    }
    t.expect_clean_stop();
}

BOOST_AUTO_TEST_SUITE_END()
