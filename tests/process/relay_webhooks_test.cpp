// The running relay and `supe webhooks`: what is delivered is kept, looked at, delivered again,
// dropped, and forgotten when its time is over.
#include "tests/support/http_sink.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/running_relay.hpp"
#include "tests/support/temporary_directory.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
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
    int status = 200;
    support::http_sink app{loop, [this](const support::http_sink::request&) {
                               return support::http_sink::answer{status};
                           }};

    /// `more`: members, each behind a comma.
    void write_settings(const std::string& keep, const std::string& more = "") {
        std::ofstream(directory / "relay.json")
            << fmt::format(R"({{"to": "{}", "listen": "127.0.0.1:{}", "keep_delivered": "{}",
                "connections": 2, "retry": {{"first": "50ms", "refused": 2}}{}}})",
                           app.url(), port, keep, more);
    }
    support::finished ask(const std::vector<std::string>& words) {
        std::vector<std::string> command{SUPE_BINARY, "--state", (directory / "state").string(),
                                         "webhooks"};
        command.insert(command.end(), words.begin(), words.end());
        return support::run(loop, command);
    }
    boost::json::array list(std::vector<std::string> filter = {}) {
        filter.insert(filter.begin(), {"list", "--json"});
        return boost::json::parse(ask(filter).output).as_array();
    }
    bool holds(const std::string& status, std::size_t count) {
        return loop.until([&] { return list({"--status", status}).size() == count; }, 20s);
    }
    void post(const std::string& path, std::size_t size = 5) {
        support::raw_client sender(loop, port);
        sender.say(fmt::format("POST {} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{:h<{}}",
                               path, size, "hello", size));
        BOOST_TEST(sender.receive("\r\n") == "HTTP/1.1 200 OK\r\n");
    }
    std::string ledger() {
        return support::run(loop, {SUPE_BINARY, "--state", (directory / "state").string(), "relay",
                                   "--check-ledger"})
            .output;
    }
};

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(relay_webhooks)

BOOST_AUTO_TEST_CASE(from_delivery_to_the_bin) {
    scene s;
    s.write_settings("1h");
    support::running_relay relay(s.loop, s.directory / "state", s.directory / "relay.json");
    BOOST_REQUIRE_MESSAGE(relay.is_up(), relay.process().output());
    BOOST_TEST(
        s.ask({"list"}).output ==
        "no webhooks: none waits, and none that was delivered is kept (keep_delivered in the "
        "settings keeps them)\n");
    for (const char* path : {"/a?x=1", "/b/1", "/b/2"}) s.post(path);
    BOOST_TEST(s.holds("delivered", 3));
    s.status = 404;
    s.post("/refused");
    BOOST_TEST(s.holds("dead", 1));
    s.status = 200;
    // A look.
    const auto all = s.list();
    BOOST_REQUIRE(all.size() == 4u);
    BOOST_TEST(all[0].at("request") == "POST /refused");
    BOOST_TEST(s.list({"--path", "/b/*"}).size() == 2u);
    BOOST_TEST(s.list({"--since", "1h", "--route", "default", "--limit", "3"}).size() == 3u);
    BOOST_TEST(s.list({"--until", "1h"}).empty());
    BOOST_TEST(s.ask({"list", "--until", "1h"}).output == "no webhook fits\n");
    const std::string table = s.ask({"list", "--limit", "2"}).output;
    BOOST_TEST(has(table, "POST /refused: refused 2 times, at last with 404"), table);
    BOOST_TEST(has(table, "there are more than 2: --limit N shows more"), table);
    const std::string first(all[3].at("id").as_string());
    const std::string shown = s.ask({"show", first}).output;
    BOOST_TEST(has(shown, "status    delivered\n"), shown);
    BOOST_TEST(has(shown, "\n      1  "), shown);
    BOOST_TEST(has(shown, "   200  "), shown);
    BOOST_TEST(has(s.ask({"show", first, "--json"}).output, R"("body":"hello")"));
    // Once more: each arrives again, and the ledger has it once.
    BOOST_TEST(s.ask({"replay", first}).output == "1 replayed\n");
    BOOST_TEST(s.ask({"replay", "--path", "/b/*"}).output == "2 replayed\n");
    BOOST_TEST(s.ask({"replay", "--status", "dead"}).output == "1 replayed\n");
    BOOST_TEST(s.holds("delivered", 4));
    BOOST_TEST(s.app.received().size() == 9u);  // 3, 2 refused, 4
    BOOST_TEST(has(s.ledger(), "accepted 4 = delivered 4 + dead 0 + dropped 0 + queued 0"),
               s.ledger());
    BOOST_TEST(s.ask({"drop", first}).output == "1 dropped\n");
    BOOST_TEST(s.ask({"show", first}).code == 3);
    BOOST_TEST(s.ask({"drop", "--all"}).output == "3 dropped\n");
    BOOST_TEST(s.list().empty());
    BOOST_TEST(has(s.ledger(), "accepted 4 = delivered 4"), s.ledger());
    BOOST_TEST(relay.stop().value_or(-1) == 0);
    const auto stopped = s.ask({"list"});
    BOOST_TEST(stopped.code == 3);
    BOOST_TEST(has(stopped.output, "no tree runs on "), stopped.output);
}

// Delivered ones are forgotten by themselves, of a relay that was told so while it ran too.
BOOST_AUTO_TEST_CASE(retention) {
    scene s;
    s.write_settings("1h");
    support::running_relay relay(s.loop, s.directory / "state", s.directory / "relay.json");
    BOOST_REQUIRE_MESSAGE(relay.is_up(), relay.process().output());
    for (int i = 0; i < 3; ++i) s.post("/x");
    BOOST_TEST(s.holds("delivered", 3));
    s.write_settings("1s");
    relay.process().signal(SIGHUP);
    BOOST_TEST(s.loop.until(
        [&] { return relay.process().output().find("reloaded") != std::string::npos; }, 20s));
    BOOST_TEST(s.holds("delivered", 0));
    s.post("/y");
    BOOST_TEST(s.loop.until([&] { return s.app.received().size() == 4; }, 20s));
    BOOST_TEST(s.holds("delivered", 0));
    BOOST_TEST(has(s.ledger(), "accepted 4 = delivered 4"), s.ledger());
    BOOST_TEST(relay.stop().value_or(-1) == 0);
}

// A replay that is larger than its room waits, says so, and goes on when there is some; a new
// webhook is taken meanwhile.
BOOST_AUTO_TEST_CASE(a_replay_waits_for_room) {
    scene s;
    s.write_settings("1h", R"(, "queue_limit": "64KiB")");
    support::running_relay relay(s.loop, s.directory / "state", s.directory / "relay.json");
    BOOST_REQUIRE_MESSAGE(relay.is_up(), relay.process().output());
    constexpr std::size_t many = 6;  // three fill half of the queue
    for (std::size_t i = 0; i < many; ++i) {
        s.post("/old", 9000);
        BOOST_TEST(s.loop.until([&] { return s.app.received().size() == i + 1; }, 20s));
    }
    BOOST_TEST(s.holds("delivered", many));
    s.status = 503;
    support::program replay(s.loop, {SUPE_BINARY, "--state", (s.directory / "state").string(),
                                     "webhooks", "replay", "--all"});
    BOOST_TEST(replay.prints("waits for room: route default"), replay.output());
    BOOST_TEST(!replay.has_ended());
    s.post("/new", 9000);
    s.status = 200;
    BOOST_TEST(replay.wait(60s).value_or(-1) == 0);
    BOOST_TEST(has(replay.output(), fmt::format("{} replayed\n", many)), replay.output());
    BOOST_TEST(s.holds("delivered", many + 1));
    BOOST_TEST(relay.stop().value_or(-1) == 0);
}

// Wrong words are told with the choices.
BOOST_AUTO_TEST_CASE(usage) {
    scene s;
    const auto wrong = [&](const std::vector<std::string>& words) {
        const auto r = s.ask(words);
        BOOST_TEST(r.code == 2);
        return r.output;
    };
    BOOST_TEST(
        has(wrong({"list", "--status", "lost"}), "lost not in {pending,failed,delivered,dead}"));
    BOOST_TEST(has(wrong({"replay", "--status", "failed"}), "failed not in {delivered,dead}"));
    BOOST_TEST(has(wrong({"replay"}), "webhooks replay needs IDs, or filters ("));
    for (const char* option : {"--path", "--since", "--id"})
        BOOST_TEST(has(wrong({"list", option, ""}), "the value is empty"));
    BOOST_TEST(has(wrong({"drop", "--path", ""}), "the value is empty"));
    BOOST_TEST(has(wrong({"drop", "X", "--all"}), "webhooks drop needs IDs, or filters ("));
    BOOST_TEST(has(wrong({"list", "--since", "noon"}),
                   "--since: \"noon\" is neither a time ago, like 30m, 2h, 3d, nor one in UTC"));
    const auto help = s.ask({"replay", "--help"});
    BOOST_TEST(has(help.output, "Examples:"), help.output);
}

BOOST_AUTO_TEST_SUITE_END()
