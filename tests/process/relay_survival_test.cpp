// Shows what the real relay survives, between senders that record every 200 and a destination that
// counts connections.
#include "tests/support/http_sink.hpp"
#include "tests/support/running_relay.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/webhook_flood.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>
#include <map>

using namespace std::chrono_literals;
using support::http_sink;
using support::running_relay;
using support::webhook_flood;

namespace {

constexpr unsigned connections = 3;
/// A forwarder that was killed with an answer unread leaves its permit resting for `timeout`.
constexpr auto longest_rest = 40s;

struct scene {
    support::event_loop loop;
    support::temporary_directory directory;
    unsigned short port = support::free_port();
    http_sink sink{loop, [](const http_sink::request&) { return http_sink::answer{200, 3ms}; }};

    /// Permits of a process that was killed rest as long as an exchange may take: `timeout`.
    std::unique_ptr<running_relay> start(const std::string& to) {
        std::ofstream(directory / "relay.json") << fmt::format(
            R"({{"to": "{}", "listen": "127.0.0.1:{}", "connections": {}, "timeout": "5s", "retry_every": "200ms"}})",
            to, port, connections);
        return std::make_unique<running_relay>(loop, directory / "state", directory / "relay.json");
    }

    std::set<std::string> delivered() const {
        std::set<std::string> bodies;
        for (const auto& r : sink.received()) bodies.insert(r.body());
        return bodies;
    }
    /// The number of bodies that got their 200 and did not reach the destination.
    std::size_t missing(const webhook_flood& flood) const {
        const auto there = delivered();
        std::size_t n = 0;
        for (const auto& body : flood.kept()) n += there.contains(body) ? 0 : 1;
        return n;
    }
    void expect_all_delivered(const webhook_flood& flood, supe::duration limit = longest_rest) {
        BOOST_TEST(flood.kept().size() > 100u);
        loop.until([&] { return missing(flood) == 0; }, limit);
        BOOST_TEST(missing(flood) == 0u);
        BOOST_TEST(sink.most_open() <= connections);
        BOOST_TEST(sink.most_open() > 0u);
    }
    void end(webhook_flood& flood) {
        flood.stop();
        BOOST_TEST(loop.until([&] { return flood.is_over(); }, 30s));
    }
};

/// Kills the process at `address` three times under load, then checks for every webhook that got
/// its 200.
void survives_the_death_of(const std::string& address) {
    scene s;
    const auto relay = s.start(s.sink.url());
    BOOST_REQUIRE_MESSAGE(relay->is_up(), relay->process().output());
    webhook_flood flood(s.loop, s.port, 6);
    std::size_t kept = 0;
    for (int round = 0; round < 3; ++round) {
        BOOST_TEST(s.loop.until([&] { return flood.kept().size() > kept + 60; }, 20s));
        kept = flood.kept().size();
        BOOST_TEST(relay->kill(address));
    }
    BOOST_TEST(s.loop.until([&] { return flood.kept().size() > kept + 60; }, 20s));
    s.end(flood);
    s.expect_all_delivered(flood);
    BOOST_TEST(flood.refused() == 0u);
    BOOST_TEST(relay->stop().value_or(-1) == 0);
    BOOST_TEST(flood.answers().count(500) == 0u);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(relay_survival)

BOOST_AUTO_TEST_CASE(of_http_server) { survives_the_death_of("/http_server"); }
BOOST_AUTO_TEST_CASE(of_the_queue) { survives_the_death_of("/dam/queue"); }
BOOST_AUTO_TEST_CASE(of_the_forwarder) { survives_the_death_of("/dam/forwarder"); }
BOOST_AUTO_TEST_CASE(of_the_connection_lock) { survives_the_death_of("/connection_lock"); }
BOOST_AUTO_TEST_CASE(of_the_nested_supervisor) { survives_the_death_of("/dam"); }

// Whatever dies, it alone is started anew, also before a destination that never answers: no other
// process waits for its end.
BOOST_AUTO_TEST_CASE(alone) {
    scene s;
    http_sink hangs(s.loop, [](const http_sink::request&) { return http_sink::answer{200, 1h}; });
    const auto relay = s.start(hangs.url());
    BOOST_REQUIRE_MESSAGE(relay->is_up(), relay->process().output());
    webhook_flood flood(s.loop, s.port, 2);
    BOOST_REQUIRE(s.loop.until([&] { return hangs.open() == connections; }, 20s));
    const auto pids = [&](const std::string& but) {
        std::map<std::string, pid_t> all;
        for (const std::string a : {"/connection_lock", "/http_server", "/dam", "/dam/queue"})
            if (a != but) all[a] = relay->pid_of(a);
        return all;
    };
    for (const std::string victim : {"/connection_lock", "/http_server", "/dam/queue"}) {
        const auto before = pids(victim);
        BOOST_TEST(relay->kill(victim), victim);
        BOOST_TEST((pids(victim) == before), victim);
    }
    const pid_t server = relay->pid_of("/http_server"), lock = relay->pid_of("/connection_lock");
    BOOST_TEST(relay->kill("/dam"));
    BOOST_TEST(relay->pid_of("/http_server") == server);
    BOOST_TEST(relay->pid_of("/connection_lock") == lock);
    s.end(flood);
    relay->process().signal(SIGKILL);
}

// The whole relay is killed three times under load; the next run on the same state directory
// delivers what was left.
BOOST_AUTO_TEST_CASE(of_the_whole_relay) {
    scene s;
    auto relay = s.start(s.sink.url());
    BOOST_REQUIRE_MESSAGE(relay->is_up(), relay->process().output());
    webhook_flood flood(s.loop, s.port, 6);
    for (int round = 0; round < 3; ++round) {
        const std::size_t kept = flood.kept().size();
        BOOST_TEST(s.loop.until([&] { return flood.kept().size() > kept + 60; }, 20s));
        relay->process().signal(SIGKILL);
        BOOST_TEST(relay->process().wait().has_value());
        relay = s.start(s.sink.url());
        BOOST_REQUIRE_MESSAGE(relay->is_up(), relay->process().output());
    }
    s.end(flood);
    s.expect_all_delivered(flood);
    BOOST_TEST(relay->stop().value_or(-1) == 0);
}

// A destination that is slow with each request notices late that a holder is gone: its connections
// count until it has closed them. The cap holds when holders and the lock die in the middle of
// requests.
BOOST_AUTO_TEST_CASE(the_cap_holds_before_a_slow_destination) {
    scene s;
    http_sink slow(s.loop, [](const http_sink::request&) { return http_sink::answer{200, 400ms}; });
    const auto relay = s.start(slow.url());
    BOOST_REQUIRE_MESSAGE(relay->is_up(), relay->process().output());
    webhook_flood flood(s.loop, s.port, 4);
    for (const std::string address :
         {"/dam/forwarder", "/connection_lock", "/dam", "/dam/forwarder"}) {
        const std::size_t seen = slow.received().size();
        BOOST_TEST(s.loop.until(
            [&] { return slow.received().size() > seen + 4 && slow.open() == connections; },
            longest_rest));
        BOOST_TEST(relay->kill(address), address);
    }
    s.end(flood);
    const std::size_t seen = slow.received().size();
    BOOST_TEST(s.loop.until([&] { return slow.received().size() > seen + 4; }, longest_rest));
    BOOST_TEST(slow.most_open() == connections);
    relay->process().signal(SIGKILL);
}

// A destination that is down for a time: all webhooks are kept, and delivered when it is up again.
BOOST_AUTO_TEST_CASE(of_the_destination) {
    scene s;
    const auto relay = s.start(s.sink.url());
    BOOST_REQUIRE_MESSAGE(relay->is_up(), relay->process().output());
    webhook_flood flood(s.loop, s.port, 6);
    BOOST_TEST(s.loop.until([&] { return flood.kept().size() > 100; }, 20s));
    s.sink.go_down();
    const std::size_t kept = flood.kept().size();
    BOOST_TEST(s.loop.until([&] { return flood.kept().size() > kept + 100; }, 20s));
    s.end(flood);
    s.sink.listen();
    s.expect_all_delivered(flood, 60s);
    BOOST_TEST(s.missing(flood) == 0u, relay->process().output());
    BOOST_TEST(relay->stop().value_or(-1) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
