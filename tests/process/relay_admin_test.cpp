// The running relay with `admin`: its metrics beside its ledger, who gets them, and readiness while
// its parts are killed, hang, and stop.
#include "tests/support/http_sink.hpp"
#include "tests/support/metrics_text.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/running_relay.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/test_ca.hpp"
#include "tests/support/text.hpp"

#include <fmt/format.h>
#include <boost/json/object.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <ctime>
#include <fstream>

using namespace std::chrono_literals;

namespace {

struct scene {
    support::event_loop loop;
    support::temporary_directory directory;
    unsigned short port = support::free_port(), admin_port = support::free_port();
    int status = 200;
    supe::duration takes{};
    support::http_sink app{loop, [this](const support::http_sink::request&) {
                               return support::http_sink::answer{status, takes};
                           }};

    std::string admin() const { return "127.0.0.1:" + std::to_string(admin_port); }
    std::string settings(const std::string& more) const {
        std::ofstream(directory / "relay.json", std::ios::trunc)
            << fmt::format(R"({{"to": "{}", "listen": "127.0.0.1:{}", "connections": 3,
                "retry": {{"first": "50ms"}}, {}}})",
                           app.url(), port, more);
        return directory / "relay.json";
    }
    void write_with(const std::string& listen, const std::string& admin_address) const {
        std::ofstream(directory / "relay.json", std::ios::trunc) << fmt::format(
            R"({{"to": "{}", "listen": "{}", "admin": "{}"}})", app.url(), listen, admin_address);
    }
    /// The whole answer.
    std::string get(const std::string& target, const std::string& more = "",
                    const std::string& method = "GET") {
        support::raw_client client(loop, admin_port);
        client.say(fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n{}Connection: close\r\n\r\n", method,
                               target, admin(), more));
        return client.finish().read_all();
    }
    std::string body(const std::string& target, const std::string& more = "") {
        const std::string answer = get(target, more);
        const auto head = answer.find("\r\n\r\n"), end = answer.rfind("(end)");
        return head == answer.npos || end == answer.npos ? answer
                                                         : answer.substr(head + 4, end - head - 4);
    }
    bool becomes(const std::string& target, const std::string& text, supe::duration limit = 20s) {
        return loop.until([&] { return body(target) == text; }, limit);
    }
    double metric(const std::string& sample) {
        return support::metrics_page(body("/metrics")).at(sample);
    }
    /// Numbers are up to a second old.
    bool becomes(const std::string& sample, double value) {
        return loop.until([&] { return metric(sample) == value; }, 30s);
    }
    void post() {
        support::raw_client sender(loop, port);
        sender.say("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
        BOOST_TEST(sender.receive("\r\n") == "HTTP/1.1 200 OK\r\n");
    }
};

bool starts(const std::string& text, const std::string& with) { return text.starts_with(with); }

}  // namespace

BOOST_AUTO_TEST_SUITE(relay_admin)

// From the empty relay to one with a history; the numbers are the ledger's, also after the queue,
// or the admin itself, was killed.
BOOST_AUTO_TEST_CASE(numbers) {
    scene s;
    support::running_relay relay(s.loop, s.directory / "state", s.app.url(), 3, s.port,
                                 {"--admin", s.admin()});
    BOOST_REQUIRE_MESSAGE(relay.is_up(), relay.process().output());
    BOOST_TEST(relay.process().prints("/livez, /readyz and /metrics are at http://" + s.admin()));
    BOOST_TEST(s.body("/livez") == "alive\n");
    BOOST_TEST(s.becomes("/readyz", "ready\n"), s.get("/readyz"));
    const std::string all = s.get("/metrics");
    BOOST_TEST(starts(all, "HTTP/1.1 200 OK\r\n"), all);
    BOOST_TEST(all.find("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n") != all.npos);
    BOOST_TEST(s.metric(R"(supe_webhooks_accepted_total{route="default"})") == 0);
    BOOST_TEST(s.becomes(R"(supe_requests_total{code="200"})", 0));
    BOOST_TEST(s.becomes(R"(supe_component_restarts_total{component="queue"})", 0));
    BOOST_TEST(s.metric("supe_disk_free_bytes") > 0);
    for (int i = 0; i < 3; ++i) s.post();
    const std::string delivered = R"(supe_webhooks_delivered_total{route="default"})";
    BOOST_TEST(s.becomes(delivered, 3));
    BOOST_TEST(s.becomes(R"(supe_requests_total{code="200"})", 3));
    BOOST_TEST(s.metric(R"(supe_delivery_attempts_total{route="default",code_class="2xx"})") == 3);
    BOOST_TEST(s.metric(R"(supe_delivery_duration_seconds_count{route="default"})") == 3);
    // Nobody else is touched by the end of the admin.
    const pid_t server = relay.pid_of("/http_server"), queue = relay.pid_of("/dam/queue");
    BOOST_TEST(relay.kill("/dam/admin"));
    BOOST_TEST(s.metric(delivered) == 3);
    BOOST_TEST(s.becomes(R"(supe_requests_total{code="200"})", 3));
    BOOST_TEST(s.becomes(R"(supe_component_restarts_total{component="admin"})", 1));
    BOOST_TEST(relay.pid_of("/http_server") == server);
    BOOST_TEST(relay.pid_of("/dam/queue") == queue);
    BOOST_TEST(relay.kill("/dam/queue"));
    BOOST_TEST(s.becomes(delivered, 3));
    BOOST_TEST(s.becomes(R"(supe_component_restarts_total{component="queue"})", 1));
    BOOST_TEST(s.metric(R"(supe_ledger_difference{route="default"})") == 0);
    BOOST_TEST(relay.stop().value_or(-1) == 0);
}

// A queue that hangs holds up no answer for longer than 2 s (the limit of the client here is ten
// times as long), and is named.
BOOST_AUTO_TEST_CASE(a_queue_that_hangs) {
    scene s;
    support::running_relay relay(s.loop, s.directory / "state", s.app.url(), 3, s.port,
                                 {"--admin", s.admin()});
    BOOST_REQUIRE_MESSAGE(relay.is_up(), relay.process().output());
    BOOST_TEST(s.becomes("/readyz", "ready\n"));
    const pid_t queue = relay.pid_of("/dam/queue");
    ::kill(queue, SIGSTOP);
    BOOST_TEST(s.becomes("/readyz", "queue: does not answer\n"));
    BOOST_TEST(starts(s.get("/readyz"), "HTTP/1.1 503 Service Unavailable\r\n"));
    BOOST_TEST(s.metric(R"(supe_up{component="queue"})") == 0);
    BOOST_TEST(s.metric(R"(supe_up{component="http_server"})") == 1);
    BOOST_TEST(s.body("/livez") == "alive\n");
    ::kill(queue, SIGCONT);
    BOOST_TEST(s.becomes("/readyz", "ready\n"));
    BOOST_TEST(relay.stop().value_or(-1) == 0);
}

// The socket of the queue is deleted, and http_server begins anew: webhooks come all the same.
// Where the socket cannot be made again, readiness says why none can come.
BOOST_AUTO_TEST_CASE(no_line_to_the_queue) {
    scene s;
    const auto socket = s.directory / "state" / "queue.socket";
    support::running_relay relay(s.loop, s.directory / "state", s.app.url(), 3, s.port,
                                 {"--admin", s.admin()});
    BOOST_REQUIRE_MESSAGE(relay.is_up(), relay.process().output());
    BOOST_TEST(s.becomes("/readyz", "ready\n"));
    BOOST_TEST(std::filesystem::remove(socket));
    BOOST_TEST(relay.kill("/http_server"));
    BOOST_TEST(relay.is_up());
    BOOST_TEST(s.becomes("/readyz", "ready\n"));
    std::filesystem::remove(socket);
    std::filesystem::create_directory(socket);
    BOOST_TEST(relay.kill("/http_server"));
    BOOST_TEST(s.becomes("/readyz", "http_server: no line to the queue: " + socket.string() +
                                        ": Connection refused\n"));
    std::filesystem::remove(socket);
    BOOST_TEST(s.becomes("/readyz", "ready\n"));
    BOOST_TEST(relay.stop().value_or(-1) == 0);
}

// The only listener speaks TLS, and http_server begins anew while its key is bad: nobody is sent
// there until it is right, although nobody comes meanwhile.
BOOST_AUTO_TEST_CASE(no_listener) {
    scene s;
    support::test_ca ca(s.directory.path());
    const support::certificate_files pair = ca.issue("DNS:localhost");
    const auto settings = s.directory / "relay.json", away = s.directory / "away";
    std::ofstream(settings) << fmt::format(
        R"({{"to": "{}", "admin": "{}", "listen":
            {{"address": "127.0.0.1:{}", "certificate": "{}", "key": "{}"}}}})",
        s.app.url(), s.admin(), s.port, pair.certificate.string(), pair.key.string());
    support::running_relay relay(s.loop, s.directory / "state", settings);
    BOOST_REQUIRE_MESSAGE(relay.is_up(), relay.process().output());
    BOOST_TEST(s.becomes("/readyz", "ready\n"));
    BOOST_TEST(s.becomes("supe_listeners_down", 0));
    const std::string ends =
        fmt::format(R"(supe_certificate_expiry_timestamp_seconds{{certificate="{}"}})",
                    pair.certificate.string());
    BOOST_TEST(s.metric(ends) > static_cast<double>(std::time(nullptr)) + 3000);
    BOOST_TEST(s.metric(ends) <= static_cast<double>(std::time(nullptr)) + 3600);
    std::filesystem::rename(pair.key, away);
    BOOST_TEST(relay.kill("/http_server"));
    BOOST_TEST(s.becomes("/readyz", "no listener takes connections: TLS: " + pair.key.string() +
                                        ": No such file or directory\n"));
    BOOST_TEST(starts(s.get("/readyz"), "HTTP/1.1 503 "));
    BOOST_TEST(s.becomes("supe_listeners_down", 1));
    std::filesystem::rename(away, pair.key);
    BOOST_TEST(s.becomes("/readyz", "ready\n"));
    BOOST_TEST(relay.stop().value_or(-1) == 0);
}

// From the moment that the relay is told to stop until all of it has ended.
BOOST_AUTO_TEST_CASE(a_relay_that_stops) {
    scene s;
    support::running_relay relay(
        s.loop, s.directory / "state",
        s.settings(fmt::format(
            R"("admin": "{}", "verify": {{"kind": "bearer", "key_file": "key"}})", s.admin())));
    BOOST_TEST(relay.process().wait(20s).value_or(-1) == 2);  // there is no such key
    std::ofstream(s.directory / "key") << "secret";
    support::running_relay again(s.loop, s.directory / "state", s.directory / "relay.json");
    BOOST_REQUIRE_MESSAGE(again.is_up(), again.process().output());
    BOOST_TEST(s.becomes("/readyz", "ready\n"));
    {
        support::raw_client stranger(s.loop, s.port);
        stranger.say("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
        BOOST_TEST(stranger.receive("\r\n") == "HTTP/1.1 401 Unauthorized\r\n");
    }
    BOOST_TEST(s.becomes(R"(supe_verification_failures_total{route="default"})", 1));
    BOOST_TEST(s.becomes(R"(supe_requests_total{code="401"})", 1));
    // A request that is begun holds up the end of http_server.
    support::raw_client slow(s.loop, s.port);
    slow.say(
        "POST /x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer secret\r\nContent-Length: 5\r\n\r\n");
    BOOST_TEST(s.becomes("/readyz", "ready\n"));
    again.process().signal(SIGTERM);
    BOOST_TEST(s.becomes("/readyz", "draining\n"));
    BOOST_TEST(starts(s.get("/readyz"), "HTTP/1.1 503"));
    BOOST_TEST(s.body("/livez") == "alive\n");
    slow.say("hello");
    BOOST_TEST(slow.receive("\r\n") == "HTTP/1.1 200 OK\r\n");
    BOOST_TEST(again.process().wait(60s).value_or(-1) == 0);
}

// Nothing for other sites, nothing that changes, and nothing but yes or no without the token.
BOOST_AUTO_TEST_CASE(who_gets_them) {
    scene s;
    std::ofstream(s.directory / "token") << "s3cret\n";
    support::running_relay relay(
        s.loop, s.directory / "state",
        s.settings(fmt::format(
            R"("admin": {{"address": "{}", "token_file": "token", "hosts": ["relay.internal"]}})",
            s.admin())));
    BOOST_REQUIRE_MESSAGE(relay.is_up(), relay.process().output());
    BOOST_TEST(starts(s.get("/metrics"), "HTTP/1.1 401 Unauthorized\r\n"));
    BOOST_TEST(
        starts(s.get("/metrics", "Authorization: Bearer s3cret\r\n"), "HTTP/1.1 200 OK\r\n"));
    BOOST_TEST(s.becomes("/readyz", "ready\n"));
    BOOST_TEST(starts(s.get("/livez", "", "POST"), "HTTP/1.1 405 "));
    BOOST_TEST(starts(s.get("/livez", "Origin: https://evil.example\r\n"), "HTTP/1.1 403 "));
    BOOST_TEST(starts(s.get("http://evil.example/livez"), "HTTP/1.1 421 Misdirected Request\r\n"));
    BOOST_TEST(starts(s.get("http://relay.internal/livez"), "HTTP/1.1 200 OK\r\n"));
    BOOST_TEST(starts(s.get("/nothing", "Authorization: Bearer s3cret\r\n"), "HTTP/1.1 404 "));
    support::raw_client old(s.loop, s.admin_port);
    old.say("GET /readyz HTTP/1.0\r\n\r\n");  // HAProxy's probe
    const std::string probed = old.read_all();
    BOOST_TEST(probed.find(" 200 OK\r\n") != probed.npos, probed);
    const std::string head = s.get("/livez", "", "HEAD");
    BOOST_TEST(head.ends_with("\r\n\r\n(end)"), head);
    BOOST_TEST(relay.process().output().find("s3cret") == std::string::npos);
    // A token that was written anew holds after a reload.
    std::ofstream(s.directory / "token", std::ios::trunc) << "other";
    std::filesystem::last_write_time(s.directory / "token",
                                     std::filesystem::file_time_type::clock::now() + 5s);
    relay.process().signal(SIGHUP);
    BOOST_TEST(relay.process().prints("reloaded"), relay.process().output());
    BOOST_TEST(s.loop.until(
        [&] {
            return starts(s.get("/metrics", "Authorization: Bearer other\r\n"), "HTTP/1.1 200");
        },
        20s));
    BOOST_TEST(starts(s.get("/metrics", "Authorization: Bearer s3cret\r\n"), "HTTP/1.1 401"));
    BOOST_TEST(relay.stop().value_or(-1) == 0);
}

// The file of the store is moved away under the relay, and back; then it is deleted: what is queued
// arrives, and the relay takes webhooks again with a new file.
BOOST_AUTO_TEST_CASE(a_lost_file) {
    scene s;
    support::running_relay relay(s.loop, s.directory / "state", s.app.url(), 3, s.port,
                                 {"--admin", s.admin()});
    BOOST_REQUIRE_MESSAGE(relay.is_up(), relay.process().output());
    const auto answers = [&](const std::string& expected) {
        const auto is_answered = [&] {
            support::raw_client sender(s.loop, s.port);
            sender.say("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
            return sender.receive("\r\n") == "HTTP/1.1 " + expected + "\r\n";
        };
        return s.loop.until(is_answered, 20s);
    };
    const auto file = s.directory / "state" / "queue.db", aside = s.directory / "aside";
    const std::string lost = file.string() + " was deleted, moved or replaced";
    const auto is_ready = [&] { return s.body("/readyz") == "ready\n"; };
    s.status = 503;
    s.post();
    std::filesystem::rename(file, aside);
    BOOST_TEST(answers("503 Service Unavailable"));
    BOOST_TEST(s.loop.until([&] { return starts(s.body("/readyz"), lost); }, 20s));
    BOOST_TEST(s.becomes("supe_store_writable", 0));
    BOOST_TEST(relay.process().prints("1 webhooks are queued and 0 dead"));
    std::filesystem::rename(aside, file);
    BOOST_TEST(s.loop.until(is_ready, 20s));
    BOOST_TEST(answers("200 OK"));
    std::filesystem::remove(file);
    BOOST_TEST(s.loop.until([&] { return std::filesystem::exists(file); }, 60s));
    BOOST_TEST(relay.process().prints("it is saved again"));
    BOOST_TEST(s.loop.until(is_ready, 20s));
    BOOST_TEST(answers("200 OK"));
    BOOST_TEST(s.becomes(R"(supe_webhooks_queued{route="default"})", 3));
    std::filesystem::rename(file, aside);
    BOOST_TEST(s.loop.until([&] { return starts(s.body("/readyz"), lost); }, 20s));
    BOOST_TEST(answers("503 Service Unavailable"));
    s.status = 200;
    BOOST_TEST(s.loop.until([&] { return std::filesystem::exists(file); }, 60s));
    BOOST_TEST(s.loop.until(is_ready, 20s));
    BOOST_TEST(answers("200 OK"));
    BOOST_TEST(relay.stop().value_or(-1) == 0);
}

// The destination is down, and then wants nothing more: both are to be seen.
BOOST_AUTO_TEST_CASE(a_destination_in_trouble) {
    scene s;
    support::running_relay relay(s.loop, s.directory / "state", s.app.url(), 3, s.port,
                                 {"--admin", s.admin()});
    BOOST_REQUIRE_MESSAGE(relay.is_up(), relay.process().output());
    s.status = 503;
    for (int i = 0; i < 6; ++i) s.post();
    BOOST_TEST(s.becomes(R"(supe_circuit_open{route="default"})", 1));
    BOOST_TEST(s.metric(R"(supe_webhooks_queued{route="default"})") == 6);
    const std::string attempts =
        R"(supe_delivery_attempts_total{route="default",code_class="5xx"})";  // once committed
    BOOST_TEST(s.loop.until([&] { return s.metric(attempts) >= 5; }, 20s));
    BOOST_TEST(s.metric(R"(supe_oldest_webhook_seconds{route="default"})") > 0);
    BOOST_TEST(s.body("/readyz") == "ready\n");  // webhooks can come
    s.status = 410;
    BOOST_TEST(s.becomes(R"(supe_route_paused{route="default"})", 1));
    BOOST_TEST(s.metric(R"(supe_circuit_open{route="default"})") == 0);
    BOOST_TEST(relay.stop().value_or(-1) == 0);
}

// A reload cannot exchange the addresses of webhooks and of `admin`, and changes nothing then.
BOOST_AUTO_TEST_CASE(exchanged_addresses) {
    scene s;
    const auto file = s.directory / "relay.json";
    const auto write = [&](unsigned short listen, unsigned short admin, const std::string& route) {
        std::ofstream(file) << fmt::format(
            R"({{"listen": "127.0.0.1:{}", "admin": "127.0.0.1:{}",
                 "routes": [{{"name": "{}", "path": "/", "to": "{}"}}]}})",
            listen, admin, route, s.app.url());
    };
    write(s.port, s.admin_port, "a");
    support::running_relay relay(s.loop, s.directory / "state", file);
    BOOST_REQUIRE_MESSAGE(relay.is_up(), relay.process().output());
    write(s.admin_port, s.port, "b");
    relay.process().signal(SIGHUP);
    BOOST_TEST(
        relay.process().prints(fmt::format(
            "SIGHUP: nothing is changed: 127.0.0.1:{}: Address already in use", s.admin_port)),
        relay.process().output());
    BOOST_TEST(relay.pid_of("/connection_lock-b") == 0);
    BOOST_TEST(relay.stop().value_or(-1) == 0);
}

// Another notation of an own address, and all addresses in place of one, are no taken address: the
// supervisor hands its sockets over.
BOOST_AUTO_TEST_CASE(own_addresses) {
    scene s;
    const auto settings = [&](const std::string& host) {
        s.write_with(fmt::format("{}:{}", host, s.port), fmt::format("{}:{}", host, s.admin_port));
        return s.directory / "relay.json";
    };
    support::running_relay relay(s.loop, s.directory / "state", settings("127.0.0.1"));
    BOOST_REQUIRE_MESSAGE(relay.is_up(), relay.process().output());
    const auto reloads = [&] {
        return support::count(relay.process().output(), "SIGHUP: reloaded\n");
    };
    for (const char* host : {"localhost", "0.0.0.0", "127.0.0.1", "", "localhost"}) {
        settings(host);
        const std::size_t before = reloads();
        relay.process().signal(SIGHUP);
        BOOST_TEST(s.loop.until([&] { return reloads() > before; }, 20s), relay.process().output());
        s.post();
        BOOST_TEST(s.becomes("/livez", "alive\n"), host);
    }
    BOOST_TEST(relay.stop().value_or(-1) == 0);
}

// An address that is taken ends the start, with the reason.
BOOST_AUTO_TEST_CASE(a_taken_address) {
    scene s;
    const std::string taken = "127.0.0.1:" + std::to_string(s.app.port());
    support::running_relay relay(s.loop, s.directory / "state", s.app.url(), 3, s.port,
                                 {"--admin", taken});
    BOOST_TEST(relay.process().wait(20s).value_or(-1) == 2);
    BOOST_TEST(relay.process().prints(taken + ": Address already in use"),
               relay.process().output());
}

BOOST_AUTO_TEST_SUITE_END()
