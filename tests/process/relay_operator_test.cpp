// The running relay and its operator: dead webhooks, the log, new settings.
#include "tests/support/http_sink.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/running_relay.hpp"
#include "tests/support/temporary_directory.hpp"

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>

using namespace std::chrono_literals;

namespace {

struct scene {
    support::event_loop loop;
    support::temporary_directory directory;
    unsigned short port = support::free_port();
    support::http_sink sink{loop};

    support::finished ask(const std::vector<std::string>& words) {
        std::vector<std::string> command{SUPE_BINARY, "--state", (directory / "state").string()};
        command.insert(command.end(), words.begin(), words.end());
        return support::run(loop, command);
    }
    bool listed(const std::string& id) {
        return has(ask({"dead", "list"}).output, "\n" + id + " ");
    }
    static bool has(const std::string& text, const std::string& part) {
        return text.find(part) != std::string::npos;
    }
    void write(const std::string& name, const std::string& text) {
        std::ofstream(directory / name) << text;
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(relay_operator)

// A webhook that can never be delivered is dead. It is listed, shown whole, tried again and
// dropped, by its id and all together.
BOOST_AUTO_TEST_CASE(dead_webhooks) {
    scene s;
    support::running_relay relay(s.loop, s.directory / "state", s.sink.url(), 2, s.port);
    BOOST_REQUIRE_MESSAGE(relay.is_up(), relay.process().output());
    // The forwarder rejects it, since it is not whole.
    BOOST_TEST(
        s.ask({"mail", "/dam/queue",
               R"({"id":"odd","method":"POST","target":"/x","remote":"::1","body":"aGVsbG8="})"})
            .code == 0);
    BOOST_REQUIRE(s.loop.until([&] { return s.listed("odd"); }, 20s));
    const std::string list = s.ask({"dead", "list"}).output;
    BOOST_TEST(scene::has(list, "/dam/queue"), list);
    BOOST_TEST(scene::has(list, "::1 POST /x"), list);
    const auto all = boost::json::parse(s.ask({"dead", "list", "--json"}).output);
    BOOST_TEST(all.as_array().size() == 1u);  // the queue has it, and nobody else
    BOOST_TEST(all.at(0).at("to") == "/dam/queue");
    // A notice reports it, and another one counts it.
    const auto noticed = [&](const std::string& name) {
        return s.ask({"notices", name, "--timeout", "1ms"}).output;
    };
    BOOST_TEST(
        s.loop.until([&] { return scene::has(noticed("webhook-dead"), R"("id":"odd")"); }, 20s));
    BOOST_TEST(
        s.loop.until([&] { return scene::has(noticed("queue-depth"), R"("dead":1)"); }, 20s));
    const auto shown = s.ask({"dead", "show", "odd"});
    BOOST_TEST(scene::has(shown.output, R"("body": "hello")"), shown.output);
    BOOST_TEST(scene::has(s.ask({"dead", "retry", "odd"}).output, "1 sent again"));
    BOOST_REQUIRE(s.loop.until([&] { return s.listed("odd"); }, 20s));
    BOOST_TEST(s.ask({"dead", "drop", "nobody"}).code == 3);
    BOOST_TEST(scene::has(s.ask({"dead", "drop", "odd"}).output, "1 dropped"));
    BOOST_TEST(!s.listed("odd"));
    BOOST_TEST(s.ask({"dead", "drop", "--all"}).code == 0);
    BOOST_TEST(s.ask({"dead", "list", "--json"}).output == "[]\n");
    // A queue that is down cannot be asked, and the command is not performed later.
    BOOST_TEST(s.ask({"stop", "/dam/queue"}).code == 0);
    const auto down = s.ask({"dead", "list"});
    BOOST_TEST(down.code == 1);
    BOOST_TEST(scene::has(down.output, "/dam/queue is stopped: its dead webhooks are not known"),
               down.output);
    BOOST_TEST(relay.stop().value_or(-1) == 0);
}

// A destination goes away and returns: the circuit opens, and all that waited is delivered. The
// ledger adds up, of a relay that runs and of one that has ended.
BOOST_AUTO_TEST_CASE(an_outage_and_the_ledger) {
    scene s;
    bool down = false;
    support::http_sink app(s.loop, [&](const support::http_sink::request&) {
        return support::http_sink::answer{down ? 503 : 200};
    });
    support::running_relay relay(s.loop, s.directory / "state", app.url(), 2, s.port);
    BOOST_REQUIRE_MESSAGE(relay.is_up(), relay.process().output());
    const auto post = [&](const std::string& body) {
        support::raw_client sender(s.loop, s.port);
        sender.say(fmt::format("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{}",
                               body.size(), body));
        BOOST_TEST(sender.receive("\r\n") == "HTTP/1.1 200 OK\r\n");
    };
    const auto ledger = [&] { return s.ask({"relay", "--check-ledger"}); };
    post("first");
    BOOST_TEST(s.loop.until([&] { return app.received().size() == 1; }, 20s));
    down = true;
    for (int i = 0; i < 8; ++i) post(fmt::format("w{}", i));
    BOOST_TEST(relay.process().prints("the destination of route default is down"),
               relay.process().output());
    BOOST_TEST(s.loop.until(
        [&] {
            return scene::has(ledger().output,
                              "accepted 9 = delivered 1 + dead 0 + dropped 0 + "
                              "queued 8");
        },
        20s));
    down = false;
    const std::string all =
        "default: accepted 9 = delivered 9 + dead 0 + dropped 0 + queued 0 "
        "(duplicates: 0)\n";
    BOOST_TEST(s.loop.until([&] { return ledger().output == all; }, 60s), ledger().output);
    BOOST_TEST(relay.process().prints("the destination of route default is up again"),
               relay.process().output());
    BOOST_TEST(relay.stop().value_or(-1) == 0);
    const auto ended = ledger();
    BOOST_TEST(ended.code == 0);
    BOOST_TEST(ended.output == all);
    const auto none = support::run(s.loop, {SUPE_BINARY, "relay", "--check-ledger", "--state",
                                            (s.directory / "none").string()});
    BOOST_TEST(none.code == 1);
    BOOST_TEST(scene::has(none.output, "none/queue.db: "), none.output);
}

// A webhook that is answered 503 is its sender's: it leaves no dead letter, which an operator would
// send again beside it.
BOOST_AUTO_TEST_CASE(refused_webhooks) {
    scene s;
    s.write("relay.json", fmt::format(R"({{"to": "{}", "queue_limit": "1KiB"}})", s.sink.url()));
    support::program relay(s.loop, {SUPE_BINARY, "relay", (s.directory / "relay.json").string(),
                                    "--listen", "127.0.0.1:" + std::to_string(s.port), "--state",
                                    (s.directory / "state").string()});
    BOOST_REQUIRE(s.loop.until(
        [&] {
            return scene::has(s.ask({"status", "/http_server", "--json"}).output,
                              R"("state":"running")");
        },
        20s));
    support::raw_client sender(s.loop, s.port);
    sender.say("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n" +
               std::string(5000, 'x'));
    BOOST_TEST(sender.receive("\r\n") == "HTTP/1.1 503 Service Unavailable\r\n");
    BOOST_TEST(s.ask({"dead", "list", "--json"}).output == "[]\n");
    relay.signal(SIGTERM);
    BOOST_TEST(relay.wait().value_or(-1) == 0);
}

// SIGHUP reads the settings again: what differs is restarted, the rest is not touched; a bad file
// changes nothing.
BOOST_AUTO_TEST_CASE(new_settings) {
    scene s;
    const auto settings = [&](std::string_view more) {
        s.write("relay.json", fmt::format(R"({{"to": "{}", {}}})", s.sink.url(), more));
    };
    settings(R"("retry_every": "10m")");
    support::program relay(s.loop, {SUPE_BINARY, "relay", (s.directory / "relay.json").string(),
                                    "--listen", "127.0.0.1:" + std::to_string(s.port), "--state",
                                    (s.directory / "state").string(), "--log-format", "json"});
    const auto pid_of = [&](const std::string& address) {
        return s.ask({"status", address, "--json"}).output;
    };
    BOOST_REQUIRE(s.loop.until(
        [&] { return scene::has(pid_of("/http_server"), R"("state":"running")"); }, 20s));
    const std::string queue = pid_of("/dam/queue").substr(0, 60),
                      server = pid_of("/http_server").substr(0, 60);
    settings(R"("retry_every": "1 hour")");
    relay.signal(SIGHUP);
    BOOST_TEST(relay.prints("nothing is changed"), relay.output());
    BOOST_TEST(pid_of("/dam/queue").starts_with(queue));
    settings(R"("retry_every": "30m")");
    relay.signal(SIGHUP);
    BOOST_TEST(relay.prints("SIGHUP: reloaded\"}\n"), relay.output());  // in JSON, as requested
    BOOST_TEST(!pid_of("/dam/queue").starts_with(queue));
    // `supe reload` does the same, and says how it went.
    const std::string reloaded = pid_of("/dam/queue").substr(0, 60);
    settings(R"("retry_every": "1 hour")");
    const auto bad = s.ask({"reload"});
    BOOST_TEST(bad.code == 1);
    BOOST_TEST(scene::has(bad.output, "nothing is changed: "), bad.output);
    BOOST_TEST(scene::has(bad.output, "relay.json:1:"), bad.output);
    BOOST_TEST(pid_of("/dam/queue").starts_with(reloaded));
    settings(R"("retry_every": "20m")");
    const auto good = s.ask({"reload"});
    BOOST_TEST(good.code == 0);
    BOOST_TEST(good.output == "reloaded\n");
    BOOST_TEST(!pid_of("/dam/queue").starts_with(reloaded));
    BOOST_TEST(relay.prints("supe reload: reloaded\"}\n"), relay.output());
    BOOST_TEST(pid_of("/http_server").starts_with(server));
    relay.signal(SIGTERM);
    BOOST_TEST(relay.wait().value_or(-1) == 0);
}

// The state directory is that of the start: a reload with another one changes nothing, and says
// why. Another notation of it is the same one.
BOOST_AUTO_TEST_CASE(another_state_directory) {
    scene s;
    const std::string used = (s.directory / "state").string();
    const auto settings = [&](const std::string& state, const std::string& more) {
        s.write("relay.json", fmt::format(R"({{"to": "{}", "listen": "127.0.0.1:{}", "state": "{}",
                                               "retry_every": "{}"}})",
                                          s.sink.url(), s.port, state, more));
    };
    settings(used, "10m");
    support::program relay(s.loop, {SUPE_BINARY, "relay", (s.directory / "relay.json").string()});
    BOOST_REQUIRE(s.loop.until([&] { return support::pid_in(used, "/http_server") != 0; }, 20s));
    const pid_t queue = support::pid_in(used, "/dam/queue");
    settings(used + "2", "20m");
    const auto refused = s.ask({"reload"});
    BOOST_TEST(refused.code == 1);
    BOOST_TEST(scene::has(refused.output,
                          fmt::format("nothing is changed: state: \"{0}2\" holds only from a "
                                      "start: the webhooks of this relay are in {0}",
                                      used)),
               refused.output);
    BOOST_TEST(support::pid_in(used, "/dam/queue") == queue);
    settings("x/../state/", "20m");  // relative to the settings file
    BOOST_TEST(s.ask({"reload"}).output == "reloaded\n");
    BOOST_TEST(support::pid_in(used, "/dam/queue") != queue);
    relay.signal(SIGTERM);
    BOOST_TEST(relay.wait().value_or(-1) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
