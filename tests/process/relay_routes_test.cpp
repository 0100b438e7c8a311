// The relay with several destinations: what one of them does is no other one's trouble (contract
// §7).
#include "tests/support/http_sink.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/running_relay.hpp"
#include "tests/support/temporary_directory.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>

using namespace std::chrono_literals;

namespace {

struct scene {
    support::event_loop loop;
    support::temporary_directory directory;
    unsigned short port = support::free_port();
    support::http_sink good{loop};
    std::optional<support::running_relay> relay{};

    std::string route(const std::string& name, const std::string& to,
                      const std::string& more = {}) {
        return fmt::format(R"({{"name": "{}", "path": "/{}", "to": "{}", "connections": 2{}}})",
                           name, name, to, more.empty() ? "" : ", " + more);
    }
    /// The settings file; `more`: further members of it.
    void write(const std::string& routes, const std::string& more = {}) {
        std::ofstream(directory / "relay.json") << fmt::format(
            R"({{"listen": "127.0.0.1:{}", "retry_every": "200ms", "routes": [{}]{}}})", port,
            routes, more.empty() ? "" : ", " + more);
    }
    void run() {
        relay.emplace(loop, directory / "state", directory / "relay.json");
        BOOST_REQUIRE_MESSAGE(relay->is_up(), relay->process().output());
    }
    /// The first line of the answer.
    std::string send(const std::string& target, const std::string& body = "hello",
                     const std::string& fields = {}, const std::string& method = "POST") {
        support::raw_client client(loop, port);
        client.say(fmt::format("{} {} HTTP/1.1\r\nHost: h\r\n{}Content-Length: {}\r\n\r\n{}",
                               method, target, fields, body.size(), body));
        std::string line = client.receive("\r\n");
        return line.substr(0, line.find("\r\n"));
    }
    bool delivered(std::size_t n) {
        return loop.until([&] { return good.received().size() >= n; }, 20s);
    }
    std::string target_of(std::size_t n) const {
        return std::string(good.received().at(n).target());
    }
};

const std::string ok = "HTTP/1.1 200 OK";

}  // namespace

BOOST_AUTO_TEST_SUITE(relay_routes)

// Each webhook goes to its route's destination, with what is left of its path. What no route takes
// is 404, also for those who only look. A request that we delivered ourselves is a circle.
BOOST_AUTO_TEST_CASE(by_path) {
    scene s;
    support::http_sink other(s.loop);
    s.write(s.route("a", s.good.url() + "/in") + "," + s.route("b", other.url()));
    s.run();
    BOOST_TEST(s.send("/a/x?y=1") == ok);
    BOOST_TEST(s.send("/b") == ok);
    BOOST_TEST(s.send("/ab") == "HTTP/1.1 404 Not Found");
    BOOST_TEST(s.send("/", "", "", "GET") == "HTTP/1.1 404 Not Found");
    BOOST_TEST(s.send("/b", "", "", "GET") == ok);
    BOOST_REQUIRE(s.delivered(1));
    BOOST_REQUIRE(s.loop.until([&] { return other.received().size() == 1; }, 20s));
    BOOST_TEST(s.target_of(0) == "/in/x?y=1");
    BOOST_TEST(std::string(other.received().front().target()) == "/");
    const std::string via = std::string(other.received().front()["Via"]);
    BOOST_TEST(via.starts_with("1.1 supe-"), via);
    BOOST_TEST(s.send("/b", "hello", "Via: " + via + "\r\n") == "HTTP/1.1 508 Loop Detected");
    BOOST_TEST(s.relay->stop().value_or(-1) == 0);
    BOOST_TEST(s.good.received().size() + other.received().size() == 2u);
}

// A destination that says nothing, one whose name has no address, and one that is gone for good:
// what goes elsewhere is delivered at once all the same.
BOOST_AUTO_TEST_CASE(faults_stay_in_their_route) {
    scene s;
    support::http_sink silent(s.loop,
                              [](const auto&) { return support::http_sink::answer{200, 1h}; });
    support::http_sink gone(s.loop, [](const auto&) { return support::http_sink::answer{410}; });
    s.write(s.route("silent", silent.url()) + "," + s.route("lost", "http://name.invalid") + "," +
            s.route("gone", gone.url()) + "," + s.route("good", s.good.url()));
    s.run();
    for (int i = 0; i < 40; ++i)
        for (const char* target : {"/silent", "/lost", "/gone"})
            BOOST_REQUIRE(s.send(target) == ok);
    BOOST_REQUIRE(
        s.loop.until([&] { return silent.open() == 2 && !gone.received().empty(); }, 20s));
    for (int i = 0; i < 50; ++i) BOOST_REQUIRE(s.send(fmt::format("/good/{}", i)) == ok);
    BOOST_TEST(s.delivered(50));
    BOOST_TEST(silent.most_open() == 2u);
    BOOST_TEST(s.good.most_open() <= 2u);
    // Each has a process of its own, which its own faults alone end.
    const pid_t forwarder = s.relay->pid_of("/dam/forwarder-good");
    BOOST_TEST(forwarder > 0);
    BOOST_TEST(s.relay->pid_of("/connection_lock-lost") > 0);
    ::kill(s.relay->pid_of("/dam/forwarder-silent"), SIGKILL);
    BOOST_TEST(s.send("/good/again") == ok);
    BOOST_TEST(s.delivered(51));
    BOOST_TEST(s.relay->pid_of("/dam/forwarder-good") == forwarder);
    BOOST_TEST(s.relay->stop().value_or(-1) == 0);
}

// A route's own limits: of bodies and of webhooks in a time.
BOOST_AUTO_TEST_CASE(limits) {
    scene s;
    s.write(s.route("a", s.good.url(), R"("body_limit": "10B", "intake_rate": "2/h")") + "," +
            s.route("b", s.good.url()));
    s.run();
    BOOST_TEST(s.send("/a", "12345678901") == "HTTP/1.1 413 Payload Too Large");
    BOOST_TEST(s.send("/b", "12345678901") == ok);
    BOOST_TEST(s.send("/a") == ok);
    BOOST_TEST(s.send("/a") == ok);
    BOOST_TEST(s.send("/a") == "HTTP/1.1 429 Too Many Requests");
    BOOST_TEST(s.send("/b") == ok);
    BOOST_TEST(s.delivered(4));
    BOOST_TEST(s.relay->stop().value_or(-1) == 0);
}

// SIGHUP adds, changes and removes routes, and touches no other one. A file that cannot be read and
// an address that is taken change nothing, and the log says so.
BOOST_AUTO_TEST_CASE(new_routes) {
    scene s;
    support::http_sink other(s.loop);
    const std::string a = s.route("a", s.good.url());
    s.write(a);
    s.run();
    BOOST_TEST(s.send("/a") == ok);
    BOOST_REQUIRE(s.delivered(1));
    const pid_t lock = s.relay->pid_of("/connection_lock-a"),
                server = s.relay->pid_of("/http_server");
    const auto reload = [&](const std::string& says) {
        s.relay->process().signal(SIGHUP);
        return s.relay->process().prints(says);
    };
    s.write(a + "," + s.route("b", other.url(), R"("rate": "often")"));
    BOOST_TEST(reload("SIGHUP: nothing is changed: "), s.relay->process().output());
    BOOST_TEST(s.send("/b") == "HTTP/1.1 404 Not Found");
    support::http_sink third(s.loop);
    const std::string taken =
        fmt::format(R"("listen": ["127.0.0.1:{}", "127.0.0.1:{}"])", s.port, third.port());
    std::ofstream(s.directory / "relay.json")
        << fmt::format(R"({{{}, "routes": [{}, {}]}})", taken, a, s.route("b", other.url()));
    BOOST_TEST(reload(fmt::format("SIGHUP: nothing is changed: 127.0.0.1:{}: ", third.port())),
               s.relay->process().output());
    BOOST_TEST(s.relay->pid_of("/http_server") == server);
    BOOST_TEST(s.relay->pid_of("/connection_lock-b") == 0);
    s.write(a + "," + s.route("b", other.url()));
    BOOST_TEST(reload("SIGHUP: reloaded\n"), s.relay->process().output());
    BOOST_TEST(s.send("/b/new") == ok);
    BOOST_TEST(s.loop.until([&] { return other.received().size() == 1; }, 20s));
    BOOST_TEST(s.relay->pid_of("/connection_lock-a") == lock);
    s.write(s.route("b", other.url()));
    s.relay->process().signal(SIGHUP);
    BOOST_TEST(s.loop.until([&] { return s.relay->pid_of("/connection_lock-a") == 0; }, 20s));
    BOOST_TEST(s.loop.until([&] { return s.send("/a") == "HTTP/1.1 404 Not Found"; }, 20s));
    BOOST_TEST(s.send("/b/more") == ok);
    BOOST_TEST(s.loop.until([&] { return other.received().size() == 2; }, 20s));
    BOOST_TEST(s.relay->stop().value_or(-1) == 0);
}

// What a route has in the queue when it leaves the settings is there when it is back.
BOOST_AUTO_TEST_CASE(a_route_comes_back) {
    scene s;
    const std::string b = s.route("b", s.good.url());
    s.write(s.route("a", fmt::format("http://127.0.0.1:{}", support::free_port())) + "," + b);
    s.run();
    BOOST_TEST(s.send("/a/kept") == ok);
    s.write(b);
    s.relay->process().signal(SIGHUP);
    BOOST_REQUIRE(s.loop.until([&] { return s.relay->pid_of("/connection_lock-a") == 0; }, 20s));
    BOOST_TEST(s.loop.until([&] { return s.send("/a") == "HTTP/1.1 404 Not Found"; }, 20s));
    BOOST_TEST(s.send("/b/first") == ok);
    BOOST_TEST(s.delivered(1));
    s.write(s.route("a", s.good.url()) + "," + b);
    s.relay->process().signal(SIGHUP);
    BOOST_TEST(s.delivered(2));
    BOOST_TEST(s.target_of(0) == "/first");
    BOOST_TEST(s.target_of(1) == "/kept");
    BOOST_TEST(s.relay->stop().value_or(-1) == 0);
}

// Behind a trusted proxy the destination learns of the sender what the proxy knows.
BOOST_AUTO_TEST_CASE(behind_a_proxy) {
    scene s;
    s.write(s.route("a", s.good.url()), R"("trusted_proxies": ["127.0.0.0/8"])");
    s.run();
    BOOST_TEST(s.send("/a", "hello",
                      "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"
                      "X-Forwarded-Host: hooks.example\r\n") == ok);
    BOOST_REQUIRE(s.delivered(1));
    const auto& r = s.good.received().front();
    BOOST_TEST(std::string(r["X-Forwarded-For"]) == "203.0.113.9, 127.0.0.1");
    BOOST_TEST(std::string(r["X-Forwarded-Proto"]) == "https");
    BOOST_TEST(std::string(r["X-Forwarded-Host"]) == "hooks.example");
    BOOST_TEST(s.relay->stop().value_or(-1) == 0);
}

// A webhook of each element, and the right key.
BOOST_AUTO_TEST_CASE(split_and_verified) {
    scene s;
    std::ofstream(s.directory / "key") << "sesame\n";
    s.write(s.route("a", s.good.url(),
                    R"("split": true, "verify": {"kind": "bearer", "key_file": "key"})"));
    s.run();
    BOOST_TEST(s.send("/a", "[1, {\"b\": 2}]") == "HTTP/1.1 401 Unauthorized");
    BOOST_TEST(s.send("/a", "[1, {\"b\": 2}]", "Authorization: Bearer sesame\r\n") == ok);
    BOOST_REQUIRE(s.delivered(2));
    std::vector<std::string> bodies{s.good.received()[0].body(), s.good.received()[1].body()};
    std::ranges::sort(bodies);
    BOOST_TEST(bodies == (std::vector<std::string>{"1", "{\"b\": 2}"}),
               boost::test_tools::per_element());
    BOOST_TEST(s.relay->stop().value_or(-1) == 0);
    BOOST_TEST(s.relay->process().output().find("sesame") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
