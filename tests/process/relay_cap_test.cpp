// Shows that the destination never counts more connections than the relay's cap, when the relay is
// reloaded, when its lock is restarted, when its state directory is lost, and when a process is
// killed with an answer unread.
#include "tests/support/http_sink.hpp"
#include "tests/support/running_relay.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/webhook_flood.hpp"

#include <fmt/format.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>

using namespace std::chrono_literals;
using boost::asio::ip::tcp;
using support::http_sink;

namespace {

struct scene {
    support::event_loop loop;
    support::temporary_directory directory;
    unsigned short port = support::free_port();

    /// Writes the settings; the relay reads them at its start, and at SIGHUP.
    void write(const std::string& to, unsigned connections, const std::string& more = "") {
        std::ofstream(directory / "relay.json") << fmt::format(
            R"({{"to": "{}", "listen": "127.0.0.1:{}", "connections": {}, "retry_every": "200ms"{}}})",
            to, port, connections, more);
    }
    std::string state() const { return (directory / "state").string(); }
    support::program start() {
        return {loop,
                {SUPE_BINARY, "relay", (directory / "relay.json").string(), "--state", state()}};
    }
    support::finished ask(std::vector<std::string> words) {
        std::vector<std::string> command{SUPE_BINARY, "--state", state()};
        command.insert(command.end(), words.begin(), words.end());
        return support::run(loop, command);
    }
    bool is_up() {
        return loop.until(
            [&] {
                return ask({"status", "http_server"}).output.find("running") != std::string::npos;
            },
            20s);
    }
    pid_t pid_of(const std::string& address) {
        const std::string text = ask({"status", address, "--json"}).output;
        const auto at = text.find("\"pid\":");
        return at == text.npos ? 0 : static_cast<pid_t>(std::atol(text.c_str() + at + 6));
    }
};

http_sink::answer slowly(const http_sink::request&) { return {200, 300ms}; }

}  // namespace

BOOST_AUTO_TEST_SUITE(relay_cap)

// A larger cap takes effect at SIGHUP; meanwhile the connections of both settings together are no
// more than that.
BOOST_AUTO_TEST_CASE(reload) {
    scene s;
    http_sink sink(s.loop, slowly);
    s.write(sink.url(), 2);
    support::program relay = s.start();
    BOOST_REQUIRE(s.is_up());
    support::webhook_flood flood(s.loop, s.port, 6);
    BOOST_TEST(s.loop.until([&] { return sink.open() == 2 && sink.received().size() > 4; }, 20s));
    s.write(sink.url(), 3);
    relay.signal(SIGHUP);
    BOOST_TEST(s.loop.until([&] { return sink.open() == 3; }, 60s));
    s.loop.run_for(2s);
    BOOST_TEST(sink.most_open() == 3u);
    flood.stop();
    s.loop.until([&] { return flood.is_over(); }, 20s);
    relay.signal(SIGKILL);
}

// A lock that is restarted beside the forwarder counts its connections, also when the forwarder is
// killed then.
BOOST_AUTO_TEST_CASE(restart_of_the_lock) {
    scene s;
    http_sink sink(s.loop, slowly);
    s.write(sink.url(), 2, R"(, "timeout": "5s")");
    support::program relay = s.start();
    BOOST_REQUIRE(s.is_up());
    support::webhook_flood flood(s.loop, s.port, 6);
    BOOST_TEST(s.loop.until([&] { return sink.open() == 2 && sink.received().size() > 4; }, 20s));
    BOOST_TEST(s.ask({"restart", "connection_lock"}).code == 0);
    s.loop.run_for(2s);
    const pid_t forwarder = s.pid_of("/dam/forwarder");
    BOOST_REQUIRE(forwarder > 0);
    BOOST_TEST(::kill(forwarder, SIGKILL) == 0);
    const std::size_t seen = sink.received().size();
    BOOST_TEST(s.loop.until([&] { return sink.received().size() > seen + 6; }, 30s));
    BOOST_TEST(sink.most_open() == 2u);
    flood.stop();
    s.loop.until([&] { return flood.is_over(); }, 20s);
    relay.signal(SIGKILL);
}

// The state directory is moved away under the relay and made again, and then the relay is killed:
// the next one counts what the first one had open.
BOOST_AUTO_TEST_CASE(state_directory_lost) {
    scene s;
    http_sink sink(s.loop, [](const http_sink::request&) { return http_sink::answer{200, 4s}; });
    s.write(sink.url(), 2, R"(, "timeout": "20s")");
    support::program relay = s.start();
    BOOST_REQUIRE(s.is_up());
    support::webhook_flood flood(s.loop, s.port, 6);
    BOOST_TEST(s.loop.until([&] { return sink.open() == 2; }, 20s));
    flood.stop();
    std::filesystem::rename(s.state(), s.directory / "gone");
    relay.signal(SIGHUP);
    BOOST_TEST(s.loop.until(
        [&] { return std::filesystem::exists(s.state() + "/connection_lock.open"); }, 20s));
    relay.signal(SIGKILL);
    relay.wait();
    support::program next = s.start();
    BOOST_REQUIRE(s.is_up());
    const std::size_t seen = sink.received().size();
    support::webhook_flood more(s.loop, s.port, 6);
    BOOST_TEST(s.loop.until([&] { return sink.received().size() > seen + 2; }, 60s));
    BOOST_TEST(sink.most_open() == 2u);
    more.stop();
    s.loop.until([&] { return more.is_over(); }, 20s);
    next.signal(SIGKILL);
}

// A forwarder that is killed with an answer unread resets its connection: no socket is left, and
// the destination may have it open for as long as a request may take.
BOOST_AUTO_TEST_CASE(an_answer_unread) {
    scene s;
    tcp::acceptor destination(s.loop.io, {boost::asio::ip::address_v4::loopback(), 0});
    destination.non_blocking(true);
    s.write(fmt::format("http://127.0.0.1:{}", destination.local_endpoint().port()), 1,
            R"(, "timeout": "4s")");
    support::program relay = s.start();
    BOOST_REQUIRE(s.is_up());
    support::webhook_flood flood(s.loop, s.port, 1);
    boost::system::error_code none;
    tcp::socket first(s.loop.io), second(s.loop.io);
    BOOST_REQUIRE(s.loop.until([&] { return destination.accept(first, none), !none; }, 20s));
    first.non_blocking(true);
    char request[4096];
    BOOST_TEST(
        s.loop.until([&] { return first.read_some(boost::asio::buffer(request), none) > 0; }, 20s));
    const pid_t forwarder = s.pid_of("/dam/forwarder");
    BOOST_REQUIRE(forwarder > 0);
    ::kill(forwarder, SIGSTOP);
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
    boost::asio::write(first, boost::asio::buffer(answer));
    s.loop.run_for(100ms);
    ::kill(forwarder, SIGKILL);
    s.loop.run_for(3s);
    destination.accept(second, none);
    BOOST_TEST(none == boost::asio::error::would_block);
    BOOST_TEST(s.loop.until([&] { return destination.accept(second, none), !none; }, 20s));
    flood.stop();
    first.close();
    second.close();
    relay.signal(SIGKILL);
}

BOOST_AUTO_TEST_SUITE_END()
