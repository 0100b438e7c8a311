// The end of a relay: webhooks are taken for a while more, so that a load balancer has time to see
// it.
#include "tests/support/http_sink.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/running_relay.hpp"
#include "tests/support/temporary_directory.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>

using namespace std::chrono_literals;

namespace {

struct scene {
    support::event_loop loop{};
    support::temporary_directory directory{};
    unsigned short port = support::free_port();
    support::http_sink app{loop};
    std::optional<support::running_relay> relay{};

    explicit scene(const std::string& drain_delay) {
        std::ofstream(directory / "relay.json")
            << fmt::format(R"({{"listen": "127.0.0.1:{}", "to": "{}", "drain_delay": "{}"}})", port,
                           app.url(), drain_delay);
        relay.emplace(loop, directory / "state", directory / "relay.json");
        BOOST_REQUIRE_MESSAGE(relay->is_up(), relay->process().output());
    }
    support::finished ask(std::vector<std::string> words) {
        words.insert(words.begin(), {SUPE_BINARY, "--state", (directory / "state").string()});
        return support::run(loop, words);
    }
};

constexpr const char* post = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";

bool is_last(const std::string& answer) {
    return answer.starts_with("HTTP/1.1 200 OK\r\n") &&
           answer.find("Connection: close\r\n") != answer.npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(relay_drain)

// After SIGTERM new connections and kept ones are answered, each for the last time. A second
// SIGTERM ends the wait.
BOOST_AUTO_TEST_CASE(goes_on_accepting) {
    scene s("2m");
    support::raw_client kept(s.loop, s.port);
    BOOST_TEST(kept.say(post).receive("kept\n").find("keep-alive") != std::string::npos);
    s.relay->process().signal(SIGTERM);
    BOOST_REQUIRE(s.relay->process().prints("SIGTERM: stopping"));
    s.loop.run_for(1100ms);  // of two signals within a second one counts
    support::raw_client fresh(s.loop, s.port);
    BOOST_TEST(is_last(fresh.say(post).receive("kept\n")));
    BOOST_TEST(is_last(kept.say(post).receive("kept\n")));
    BOOST_TEST(kept.read_all() == "(end)");
    BOOST_TEST(s.loop.until([&] { return s.app.received().size() == 3; }, 20s));
    s.relay->process().signal(SIGTERM);
    BOOST_TEST(s.relay->process().wait().has_value());
}

// The delay is over: it ends as without one.
BOOST_AUTO_TEST_CASE(ends) {
    scene s("500ms");
    support::raw_client kept(s.loop, s.port);
    kept.say(post).receive("kept\n");
    s.relay->process().signal(SIGTERM);
    BOOST_TEST(kept.read_all() == "(end)");
    BOOST_TEST(s.relay->process().wait().value_or(-1) == 0);
}

// Nothing waits where http_server alone is restarted: the next one is there at once.
BOOST_AUTO_TEST_CASE(not_at_a_restart) {
    scene s("2m");
    BOOST_TEST(s.ask({"restart", "/http_server"}).code == 0);
    BOOST_TEST(s.relay->kill("/http_server"));
    BOOST_REQUIRE(s.relay->is_up());
    support::raw_client sender(s.loop, s.port);
    BOOST_TEST(sender.say(post).receive("\r\n") == "HTTP/1.1 200 OK\r\n");
    s.relay->process().signal(SIGTERM);
    BOOST_REQUIRE(s.relay->process().prints("SIGTERM: stopping"));
    s.loop.run_for(1100ms);
    s.relay->process().signal(SIGTERM);
    BOOST_TEST(s.relay->process().wait().has_value());
}

BOOST_AUTO_TEST_SUITE_END()
