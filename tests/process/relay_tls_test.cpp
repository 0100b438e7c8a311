// The relay as senders reach it over TLS, and what an operator does with certificates.
#include "tests/support/http_sink.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/running_relay.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/test_ca.hpp"
#include "tests/support/tls_client.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

using namespace std::chrono_literals;
using support::tls_client;
namespace fs = std::filesystem;

namespace {

struct scene {
    support::event_loop loop{};
    support::temporary_directory directory{};
    support::test_ca ca{directory.path()};
    unsigned short plain = support::free_port(), secure = support::free_port();
    support::http_sink app{loop};
    std::optional<support::running_relay> relay{};

    /// New files under the same names.
    void issue() {
        const support::certificate_files made = ca.issue("DNS:localhost");
        fs::rename(made.certificate, directory / "cert.pem");
        fs::rename(made.key, directory / "key.pem");
    }
    void write(const std::string& key = "key.pem") {
        std::ofstream(directory / "relay.json") << fmt::format(
            R"({{"listen": ["127.0.0.1:{}", {{"address": "127.0.0.1:{}", "certificate": "cert.pem",
                 "key": "{}"}}], "to": "{}"}})",
            plain, secure, key, app.url());
    }
    void run() {
        issue();
        write();
        relay.emplace(loop, directory / "state", directory / "relay.json");
        BOOST_REQUIRE_MESSAGE(relay->is_up(), relay->process().output());
    }
    support::finished start(std::vector<std::string> more) {
        std::vector<std::string> words{SUPE_BINARY, "relay",   "--to",
                                       app.url(),   "--state", (directory / "state").string()};
        words.insert(words.end(), more.begin(), more.end());
        return support::run(loop, words);
    }
    std::string field_of(std::size_t n, const char* name) const {
        return std::string(app.received().at(n)[name]);
    }
};

std::string post(const std::string& target) {
    return "POST " + target + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello";
}
const std::string ok = "HTTP/1.1 200 OK\r\n";

}  // namespace

BOOST_AUTO_TEST_SUITE(relay_tls)

// Several listeners at once; the destination hears by which of them a webhook came.
BOOST_AUTO_TEST_CASE(beside_a_plain_listener) {
    scene s;
    s.run();
    BOOST_TEST(s.relay->process().prints(fmt::format(
        "webhooks to http://127.0.0.1:{}, https://127.0.0.1:{} are kept", s.plain, s.secure)));
    tls_client sender(s.loop, s.secure);
    BOOST_TEST(sender.say(post("/a")).receive("\r\n") == ok);
    BOOST_REQUIRE(s.loop.until([&] { return s.app.received().size() == 1; }, 20s));
    support::raw_client in_the_clear(s.loop, s.plain);
    BOOST_TEST(in_the_clear.say(post("/b")).receive("\r\n") == ok);
    BOOST_REQUIRE(s.loop.until([&] { return s.app.received().size() == 2; }, 20s));
    BOOST_TEST(s.field_of(0, "X-Forwarded-Proto") == "https");
    BOOST_TEST(s.field_of(1, "X-Forwarded-Proto") == "http");
    BOOST_TEST(s.relay->stop().value_or(-1) == 0);
}

// As many as there may be, the last one with TLS.
BOOST_AUTO_TEST_CASE(sixteen_listeners) {
    scene s;
    s.issue();
    std::string listen;
    for (int i = 0; i < 15; ++i) listen += fmt::format(R"("127.0.0.1:{}", )", support::free_port());
    std::ofstream(s.directory / "relay.json") << fmt::format(
        R"({{"listen": [{}{{"address": "127.0.0.1:{}", "certificate": "cert.pem",
             "key": "key.pem"}}], "to": "{}"}})",
        listen, s.secure, s.app.url());
    s.relay.emplace(s.loop, s.directory / "state", s.directory / "relay.json");
    BOOST_REQUIRE_MESSAGE(s.relay->is_up(), s.relay->process().output());
    tls_client sender(s.loop, s.secure);
    BOOST_TEST(sender.say(post("/a")).receive("\r\n") == ok);
    BOOST_TEST(s.relay->stop().value_or(-1) == 0);
}

// A certificate that is renewed restarts nothing and closes no connection, with SIGHUP or without.
// A bad pair changes nothing, and a SIGHUP says what is wrong.
BOOST_AUTO_TEST_CASE(renewal) {
    scene s;
    s.run();
    const pid_t pid = s.relay->pid_of("/http_server");
    tls_client before(s.loop, s.secure);
    const long number = before.serial_number();
    const auto shows = [&s](long n) {
        return s.loop.until([&] { return tls_client(s.loop, s.secure).serial_number() == n; }, 20s);
    };
    s.issue();
    BOOST_TEST(shows(number + 1));
    s.issue();
    s.relay->process().signal(SIGHUP);
    BOOST_TEST(s.relay->process().prints("SIGHUP: reloaded"));
    BOOST_TEST(shows(number + 2));
    std::ofstream(s.directory / "key.pem") << "no key\n";
    BOOST_TEST(shows(number + 2));
    BOOST_TEST(s.loop.until(
        [&] {
            tls_client another(s.loop, s.secure);
            return s.relay->process().output().find("stays in use") != std::string::npos;
        },
        20s));
    s.relay->process().signal(SIGHUP);
    BOOST_TEST(s.relay->process().prints("SIGHUP: nothing is changed: "));
    BOOST_TEST(s.relay->process().prints("key.pem: must be a private key"));
    BOOST_TEST(shows(number + 2));
    BOOST_TEST(before.say(post("/a")).receive("\r\n") == ok);
    BOOST_TEST(s.relay->pid_of("/http_server") == pid);
    // Of what is bad all the while one line is enough.
    const std::string log = s.relay->process().output();
    BOOST_TEST(log.find("stays in use") == log.rfind("stays in use"), log);
    BOOST_TEST(s.relay->stop().value_or(-1) == 0);
}

// Its process dies while the pair on disk is bad: the listeners in the clear go on, and TLS does
// once the pair is right.
BOOST_AUTO_TEST_CASE(a_crash_with_a_bad_pair) {
    scene s;
    s.run();
    fs::rename(s.directory / "key.pem", s.directory / "away.pem");
    BOOST_TEST(s.relay->kill("/http_server"));
    support::raw_client in_the_clear(s.loop, s.plain);
    BOOST_TEST(in_the_clear.say(post("/a")).receive("\r\n") == ok);
    BOOST_TEST(tls_client(s.loop, s.secure).trouble() != "");
    fs::rename(s.directory / "away.pem", s.directory / "key.pem");
    BOOST_TEST(s.loop.until([&] { return tls_client(s.loop, s.secure).trouble().empty(); }, 20s));
    BOOST_TEST(s.relay->stop().value_or(-1) == 0);
}

// The command line has both or neither; they are looked at before anything starts.
BOOST_AUTO_TEST_CASE(on_the_command_line) {
    scene s;
    s.issue();
    s.write("none.pem");
    const std::string listen = "127.0.0.1:" + std::to_string(s.secure);
    const std::string certificate = (s.directory / "cert.pem").string(),
                      key = (s.directory / "key.pem").string();
    const auto refused = [&](std::vector<std::string> words, const std::string& why) {
        const support::finished end = s.start(std::move(words));
        BOOST_TEST(end.code == 2);
        BOOST_TEST(end.output.find("supe: " + why) != std::string::npos, end.output);
    };
    refused({"--certificate", certificate}, "--key is missing: TLS needs --certificate and --key");
    refused({"--key", key}, "--certificate is missing");
    refused({"--certificate", certificate, "--key", certificate},
            certificate + ": must be a private key without a passphrase in PEM");
    refused({"--certificate", "/none", "--key", key}, "/none: No such file or directory");
    const std::string file = (s.directory / "relay.json").string();
    refused({file}, file + ":1:");
    s.write();
    refused({file, "--certificate", certificate, "--key", key}, "--certificate: needs --listen");
    refused({"--demo", "--certificate", certificate, "--key", key}, "--demo: its sender speaks");
    support::running_relay relay(s.loop, s.directory / "state", s.app.url(), 2, s.secure,
                                 {"--certificate", certificate, "--key", key});
    BOOST_REQUIRE_MESSAGE(relay.is_up(), relay.process().output());
    tls_client sender(s.loop, s.secure);
    BOOST_TEST(sender.say(post("/a")).receive("\r\n") == ok);
    BOOST_TEST(relay.process().prints("webhooks to https://" + listen + " are kept"));
    BOOST_TEST(relay.stop().value_or(-1) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
