// The relay for its operators and senders: what is delivered, what is refused, and its errors at
// start.
#include "supe/control/client.hpp"
#include "tests/support/http_sink.hpp"
#include "tests/support/running_relay.hpp"
#include "tests/support/temporary_directory.hpp"

#include <sys/resource.h>
#include <sys/socket.h>
#include <algorithm>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>

using namespace std::chrono_literals;
using support::http_sink;
using support::running_relay;

namespace {

struct scene {
    support::event_loop loop;
    support::temporary_directory directory;
    unsigned short port = support::free_port();
    http_sink sink{loop};
};

using tcp = boost::asio::ip::tcp;

/// Sends bytes and reads until the relay closes, or has sent `enough`.
std::string talk(scene& s, const std::string& bytes, const std::string& enough = "",
                 bool hang_up = false) {
    tcp::socket socket(s.loop.io);
    socket.connect({boost::asio::ip::address_v4::loopback(), s.port});
    boost::system::error_code failed;
    boost::asio::write(socket, boost::asio::buffer(bytes), failed);
    if (hang_up) socket.shutdown(tcp::socket::shutdown_send, failed);
    socket.non_blocking(true);
    std::string said;
    s.loop.until(
        [&] {
            char buffer[4096];
            const std::size_t n = socket.read_some(boost::asio::buffer(buffer), failed);
            said.append(buffer, n);
            return (failed && failed != boost::asio::error::would_block) ||
                   (!enough.empty() && said.find(enough) != std::string::npos);
        },
        20s);
    return said;
}

std::string post(const std::string& target, const std::string& fields, const std::string& body) {
    return "POST " + target + " HTTP/1.1\r\nHost: hooks.example\r\n" + fields +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// `name: value` of each field, in order.
std::vector<std::string> fields_of(const http_sink::request& r) {
    std::vector<std::string> all;
    for (const auto& f : r)
        all.push_back(std::string(f.name_string()) + ": " + std::string(f.value()));
    return all;
}

support::finished relay_ends(scene& s, std::vector<std::string> options,
                             std::map<std::string, std::string> variables = {}) {
    std::vector<std::string> command{SUPE_BINARY, "relay"};
    command.insert(command.end(), options.begin(), options.end());
    return support::run(s.loop, command, std::move(variables));
}

/// Checks for exit code 2 and one line with `what`.
void expect_refusal(const support::finished& end, const std::string& what) {
    BOOST_TEST(end.code == 2);
    BOOST_TEST(end.output.find(what) != std::string::npos, end.output);
    BOOST_TEST(end.output.find("supe: ") != std::string::npos, end.output);
}

std::string address(unsigned short port) { return "127.0.0.1:" + std::to_string(port); }

}  // namespace

BOOST_AUTO_TEST_SUITE(relay)

// Body, method, path, query and end-to-end fields arrive unchanged; hop-by-hop fields do not.
BOOST_AUTO_TEST_CASE(delivers_what_it_got) {
    scene s;
    running_relay relay(s.loop, s.directory / "state", s.sink.url() + "/base/", 2, s.port);
    BOOST_REQUIRE_MESSAGE(relay.is_up(), relay.process().output());
    const std::string body("{\"a\":1}\r\n\0\xff and more\r\n", 23);
    const std::string answer = talk(
        s,
        post("/hooks/x%2Fy?q=a%20b&q=c",
             "X-Twice: one\r\nx-twice: two\r\nConnection: keep-alive, X-Mine\r\nX-Mine: secret\r\n"
             "TE: trailers\r\nSupe-Attempt: 99\r\nContent-Type: application/json\r\n",
             body),
        "kept");
    BOOST_TEST(answer.starts_with("HTTP/1.1 200 "), answer);
    BOOST_REQUIRE(s.loop.until([&] { return !s.sink.received().empty(); }, 20s));
    const auto& got = s.sink.received().front();
    BOOST_TEST(got.method_string() == "POST");
    BOOST_TEST(got.target() == "/base/hooks/x%2Fy?q=a%20b&q=c");
    BOOST_TEST(got.body() == body);
    BOOST_TEST(got["X-Mine"].empty());
    BOOST_TEST(got["TE"].empty());
    BOOST_TEST(got["Supe-Attempt"] == "1");
    BOOST_TEST(got["Supe-Webhook-Id"].size() == 26u);
    BOOST_TEST(got["Idempotency-Key"] == got["Supe-Webhook-Id"]);
    BOOST_TEST(got["Host"] == address(s.sink.port()));
    BOOST_TEST(got["X-Forwarded-Host"] == "hooks.example");
    BOOST_TEST(got["X-Forwarded-For"] == "127.0.0.1");
    const auto fields = fields_of(got);
    const auto one = std::ranges::find(fields, "X-Twice: one"),
               two = std::ranges::find(fields, "x-twice: two");
    BOOST_TEST((one != fields.end() && two == one + 1));
}

// Bad input gets its answer, and a good webhook that is sent meanwhile is kept and delivered.
BOOST_AUTO_TEST_CASE(answers_bad_input) {
    scene s;
    running_relay relay(s.loop, s.directory / "state", s.sink.url(), 2, s.port);
    BOOST_REQUIRE_MESSAGE(relay.is_up(), relay.process().output());
    BOOST_TEST(talk(s, "\x16\x03\x01 this is no HTTP\r\n\r\n").starts_with("HTTP/1.1 400 "));
    BOOST_TEST(talk(s, "POST / HTTP/1.1\r\nHost: h\r\nX: " + std::string(100000, 'x') + "\r\n\r\n")
                   .starts_with("HTTP/1.1 431 "));
    BOOST_TEST(talk(s, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n")
                   .starts_with("HTTP/1.1 413 "));
    BOOST_TEST(talk(s, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\ncut", "", true)
                   .starts_with("HTTP/1.1 400 "));
    BOOST_TEST(
        talk(s, "BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", "kept").starts_with("HTTP/1.1 405 "));
    BOOST_TEST(talk(s, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "relay").starts_with("HTTP/1.1 200 "));
    {
        tcp::socket gone(s.loop.io);  // closes before its answer
        gone.connect({boost::asio::ip::address_v4::loopback(), s.port});
        boost::asio::write(gone, boost::asio::buffer(post("/gone", "", "left before its answer")));
        gone.set_option(boost::asio::socket_base::linger(true, 0));
    }
    BOOST_TEST(talk(s, post("/good", "", "good"), "kept").starts_with("HTTP/1.1 200 "));
    BOOST_TEST(s.loop.until(
        [&] {
            return std::ranges::any_of(s.sink.received(),
                                       [](auto& r) { return r.body() == "good"; });
        },
        20s));
    for (const auto& r : s.sink.received())
        BOOST_TEST((r.target() == "/good" || r.target() == "/gone"), r.target());
    BOOST_TEST(relay.stop().value_or(-1) == 0);
}

// Bad settings are reported in one line, before anything starts, with exit code 2.
BOOST_AUTO_TEST_CASE(refuses_to_start) {
    scene s;
    const std::string state = s.directory / "state", listen = address(s.port);
    expect_refusal(relay_ends(s, {"--state", state}), "nowhere to deliver to");
    expect_refusal(relay_ends(s, {"--to", "localhost:3000", "--state", state}),
                   "\"localhost:3000\"");
    expect_refusal(relay_ends(s, {"--to", "ftp://a", "--state", state}), "http, https");
    expect_refusal(relay_ends(s, {"--to", s.sink.url(), "--listen", "here", "--state", state}),
                   "\"here\"");
    expect_refusal(relay_ends(s, {"--to", s.sink.url(), "--connections", "0", "--state", state}),
                   "not in range 1 to 10000");
    expect_refusal(relay_ends(s, {"--to", s.sink.url(), "--retry-every", "soon", "--state", state}),
                   "\"soon\"");
    expect_refusal(
        relay_ends(s, {"--to", "http://a", "--listen", address(s.sink.port()), "--state", state}),
        "Address already in use");
    expect_refusal(
        relay_ends(s, {"--to", s.sink.url(), "--listen", address(s.sink.port()), "--state", state}),
        "the relay listens there itself");
    std::ofstream(s.directory / "file") << "a file";
    expect_refusal(relay_ends(s, {"--to", s.sink.url(), "--listen", listen, "--state",
                                  s.directory / "file/state"}),
                   "file/state");
    std::ofstream(s.directory / "bad.json") << R"({"to": "http://a", "conections": 3})";
    expect_refusal(relay_ends(s, {s.directory / "bad.json", "--state", state}),
                   "\"conections\" is not one of");
}

// A state directory has one relay; the error of a second one names the first.
BOOST_AUTO_TEST_CASE(has_its_state_directory_alone) {
    scene s;
    const std::string state = s.directory / "state";
    running_relay relay(s.loop, state, s.sink.url(), 2, s.port);
    BOOST_REQUIRE_MESSAGE(relay.is_up(), relay.process().output());
    const auto second = relay_ends(
        s, {"--to", s.sink.url(), "--listen", address(support::free_port()), "--state", state});
    expect_refusal(second, "is in use by process " + std::to_string(relay.process().pid()));
    BOOST_TEST(relay.stop().value_or(-1) == 0);
}

// The printed tree is a tree file: `supe run` of it is the same relay.
BOOST_AUTO_TEST_CASE(prints_its_tree) {
    scene s;
    const auto printed =
        relay_ends(s, {"--to", s.sink.url(), "--listen", address(s.port), "--print-tree"});
    BOOST_REQUIRE(printed.code == 0);
    std::ofstream(s.directory / "relay.json") << printed.output;
    support::program tree(
        s.loop, {SUPE_BINARY, "run", s.directory / "relay.json", "--state", s.directory / "state"});
    BOOST_REQUIRE(s.loop.until(
        [&] {
            tcp::socket probe(s.loop.io);
            boost::system::error_code failed;
            probe.connect({boost::asio::ip::address_v4::loopback(), s.port}, failed);
            return !failed;
        },
        20s));
    BOOST_TEST(talk(s, post("/tree", "", "by the tree file"), "kept").starts_with("HTTP/1.1 200 "));
    BOOST_TEST(s.loop.until([&] { return s.sink.received().size() == 1; }, 20s));
    tree.signal(SIGTERM);
    BOOST_TEST(tree.wait().value_or(-1) == 0);
}

// A built-in process may have as many descriptors as the hard limit allows, whatever the soft one
// was.
BOOST_AUTO_TEST_CASE(has_all_descriptors) {
    scene s;
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const rlimit few{200, before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
    support::running_relay relay(s.loop, s.directory / "state", s.sink.url(), 1, s.port);
    ::setrlimit(RLIMIT_NOFILE, &before);
    BOOST_REQUIRE_MESSAGE(relay.is_up(), relay.process().output());
    for (const char* address : {"/http_server", "/connection_lock", "/dam/queue"}) {
        const pid_t pid = relay.pid_of(address);
        BOOST_REQUIRE(pid > 0);
        rlimit its{};  // raised in its first moments
        const auto raised = [&] {
            return ::prlimit(pid, RLIMIT_NOFILE, nullptr, &its) == 0 &&
                   its.rlim_cur == before.rlim_max;
        };
        BOOST_TEST(s.loop.until(raised, 20s), address);
    }
    BOOST_TEST(relay.stop().value_or(-1) == 0);
}

// A small host gives the port in $PORT, and a disk that is not persistent: the log has a warning.
BOOST_AUTO_TEST_CASE(runs_on_a_small_host) {
    scene s;
    support::program relay(
        s.loop, {SUPE_BINARY, "relay", "--to", s.sink.url(), "--state", s.directory / "state"},
        {{"PORT", std::to_string(s.port)}, {"DYNO", "web.1"}});
    BOOST_TEST(relay.prints("0.0.0.0:" + std::to_string(s.port)), relay.output());
    BOOST_TEST(relay.prints("is temporary"), relay.output());
    BOOST_TEST(s.loop.until(
        [&] { return supe::control::client::connect(s.directory / "state").has_value(); }, 20s));
    relay.signal(SIGINT);
    BOOST_TEST(relay.wait().value_or(-1) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
