// Every notice of contract §4, under its three names and with its fields; `forward`, and code in a
// supervisor.
#include "tests/support/players.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>

using supe::awaitable;
using supe::supervisor;
using support::player_world;
using namespace std::chrono_literals;

namespace {

const std::string one =
    R"({"name": "t", "children": [{"name": "a", "component": "diligent", "max_restarts": 1,
    "backoff": {"first": "5s", "jitter": 0}}]})";

/// All messages of notice `what` about `a`, which are the same under each of its three names.
std::vector<std::string> published(const player_world& w, const std::string& what) {
    const auto own = w.messages("a-" + what);
    BOOST_TEST(w.messages("component-" + what) == own, boost::test_tools::per_element());
    BOOST_TEST(w.messages("citizen-" + what) == own, boost::test_tools::per_element());
    return own;
}

using lines = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_SUITE(log_messages)

// created, started, ready, crashed, auto-restarted, excessive-crash: the notices of a child that
// passes its limit.
BOOST_AUTO_TEST_CASE(life_with_crashes) {
    player_world w(one);
    w.advance(1500ms);
    w.crash("/a");
    w.advance(5s);
    w.exit("/a", 3);
    BOOST_TEST(published(w, "created") == lines{R"({"name":"a"})"},
               boost::test_tools::per_element());
    const auto started = published(w, "started");
    BOOST_TEST(started.size() == 2u);
    BOOST_TEST(started.at(0) == fmt::format(R"({{"name":"a","pid":{},"restarts":0}})", 1001));
    BOOST_TEST(started.at(1) == fmt::format(R"({{"name":"a","pid":{},"restarts":1}})", 1002));
    BOOST_TEST(published(w, "ready").size() == 2u);
    const auto crashed = published(w, "crashed");
    BOOST_TEST(crashed.at(0) ==
               R"({"name":"a","exit":{"signal":"SIGKILL","core":false},"after_ms":1500})");
    BOOST_TEST(crashed.at(1) == R"({"name":"a","exit":{"code":3},"after_ms":0})");
    BOOST_TEST(published(w, "auto-restarted").at(0) ==
               R"({"name":"a","restarts":1,"delay_ms":5000})");
    BOOST_TEST(published(w, "excessive-crash").at(0) ==
               R"({"name":"a","restarts":1,"within_ms":60000,"mailbox":null})");
    BOOST_TEST(
        w.events({"created", "started", "ready", "crashed", "auto-restarted", "excessive-crash"}) ==
        "created a, started a, ready a, crashed a, started a, auto-restarted a, ready a, crashed "
        "a, excessive-crash a");
}

// The log has the reason why a child stays down, also after clean ends, and what happens to its
// mail.
BOOST_AUTO_TEST_CASE(given_up) {
    player_world w(one);
    w.exit("/a", 0);
    w.advance(5s);
    w.exit("/a", 0);
    const std::string said =
        "a stays down: more than 1 restarts within 60 s (the last end: exit code 0); supe start /a "
        "tries again";
    BOOST_TEST(w.lines().back().ends_with(said), w.lines().back());
    player_world holding(
        R"({"name": "t", "children": [{"name": "a", "component": "stubborn", "max_restarts": 0}]})");
    holding.mail("/a", "1");
    holding.crash("/a");
    BOOST_TEST(holding.lines().back().ends_with("; its mail waits"), holding.lines().back());
}

// shutdown, stopped, removed: a clean end, a complete stop, a removal. A restart by an operator
// publishes neither `crashed` nor `stopped`.
BOOST_AUTO_TEST_CASE(clean_ends) {
    player_world w(one);
    w.by_hand(w.root().admin().restart("a"));
    BOOST_TEST(published(w, "stopped").empty());
    w.by_hand(w.root().admin().stop("a"));
    w.by_hand(w.root().admin().remove("a"));
    BOOST_TEST(published(w, "shutdown").size() == 2u);
    BOOST_TEST(published(w, "shutdown").at(0) == R"({"name":"a","exit":{"code":0}})");
    BOOST_TEST(published(w, "stopped") == lines{R"({"name":"a"})"},
               boost::test_tools::per_element());
    BOOST_TEST(published(w, "removed") == lines{R"({"name":"a"})"},
               boost::test_tools::per_element());
    BOOST_TEST(published(w, "auto-restarted").empty());
    BOOST_TEST(published(w, "crashed").empty());
}

// supervisor-stopping: once, before the first child ends; not where a child is stopped.
BOOST_AUTO_TEST_CASE(all_stops) {
    player_world w(
        R"({"name": "t", "children": [{"name": "n", "children": [{"name": "a", "component": "diligent"}]},
            {"name": "b", "component": "diligent"}]})");
    w.by_hand(w.root().admin().stop("b"));
    BOOST_TEST(w.count("supervisor-stopping") == 0u);
    w.by_hand(w.root().admin().restart("n"));
    BOOST_TEST(w.messages("supervisor-stopping") == lines{R"({"address":"/n"})"},
               boost::test_tools::per_element());
    w.forget_notices();
    BOOST_TEST(w.stop());
    BOOST_TEST(w.notices().front().name == "supervisor-stopping");
    BOOST_TEST(
        w.messages("supervisor-stopping") == (lines{R"({"address":"/"})", R"({"address":"/n"})"}),
        boost::test_tools::per_element());
}

// start-failed: with errno's name, a text, and the number of restarts so far. Neither `started` nor
// `auto-restarted`.
BOOST_AUTO_TEST_CASE(failed_start) {
    player_world w(one);
    w.fail_next_starts("/a", 1, {"EACCES", "a: Permission denied"});
    w.crash("/a");
    w.advance(5s);
    BOOST_TEST(
        published(w, "start-failed").at(0) ==
        R"({"name":"a","error":{"code":"EACCES","text":"a: Permission denied"},"restarts":1})");
    BOOST_TEST(published(w, "auto-restarted").empty());
    BOOST_TEST(published(w, "started").size() == 1u);
}

// `forward`: only these notices go up, with this supervisor as the source.
BOOST_AUTO_TEST_CASE(forward) {
    player_world w(
        R"({"name": "t", "children": [{"name": "dam", "forward": ["x-crashed"], "children": [{"name": "x", "component": "diligent"}]}]})");
    std::vector<std::string> received;
    w.root().notices().listen({}, [&](const supe::published& n) {
        if (n.name.find("dam") == std::string::npos)
            received.push_back(n.name + " from " + n.source);
    });
    received.clear();
    w.crash("/dam/x");
    w.advance(1s);
    BOOST_TEST(received == lines{"x-crashed from dam"}, boost::test_tools::per_element());
}

awaitable<> overseer(supervisor& self) {
    self.on_mail([&self](std::string_view from, std::string_view msg) {
        self.notify("asked", fmt::format(R"({{"by":"{}","what":{}}})", from, msg));
    });
    supe::notice_watch crashes(self, {"x-crashed"});
    for (int n = 1;; ++n) {
        const supe::published crash = co_await crashes.next();
        self.notify("trouble", fmt::format(R"({{"crashes":{}}})", n));
    }
}

/// Sends a mail to its supervisor when it starts.
awaitable<> asks(supe::component& self) {
    self.tell("supe", R"("help")");
    while (auto mail = co_await self.receive()) mail->ack();
}

// Code in a nested supervisor watches its own children, gets mail to `supe`, and publishes on the
// noticeboard above; in the root on its own.
BOOST_AUTO_TEST_CASE(code_in_a_supervisor) {
    supe::simulation::world w;
    support::provide_players(w);
    w.provide("asks", asks);
    w.provide_code("/dam", overseer);
    w.run(
        R"({"name": "t", "children": [{"name": "dam", "children": [{"name": "x", "component": "asks"}]},
              {"name": "x", "component": "asks"}]})",
        overseer);
    std::vector<std::string> received;
    w.root().notices().listen({"trouble", "asked"}, [&](const supe::published& n) {
        received.push_back(n.source + " " + n.message);
    });
    received.clear();
    w.crash("/dam/x");
    w.advance(1s);
    w.crash("/x");
    w.advance(1s);
    const lines expected{R"(dam {"crashes":1})", R"(dam {"by":"x","what":"help"})",
                         R"(supe {"crashes":1})", R"(supe {"by":"x","what":"help"})"};
    BOOST_TEST(received == expected, boost::test_tools::per_element());
    BOOST_TEST(w.stop());
    BOOST_TEST(w.clean_up());
}

awaitable<> gives_up(supervisor& self) {
    co_await self.time().sleep_for(1s);
    throw std::runtime_error("no more");
}

// An exception of the code fails its supervisor, as a passed limit does: the children are stopped
// in order.
BOOST_AUTO_TEST_CASE(code_that_fails) {
    supe::simulation::world w;
    support::provide_players(w);
    w.run(
        R"({"name": "t", "children": [{"name": "a", "component": "slow"}, {"name": "b", "component": "diligent"}]})",
        gives_up);
    w.advance(5s);
    BOOST_TEST(w.ended());
    BOOST_TEST(!w.ended_cleanly());
    BOOST_TEST(w.root().why() == "its own code failed: no more");
    BOOST_TEST(w.count("a-shutdown") == 1u);
    BOOST_TEST(w.clean_up());
}

// Mail of an earlier run for names that the tree file does not have: a line for each name.
BOOST_AUTO_TEST_CASE(mail_for_names_that_are_gone) {
    const auto tree = [](const std::string& children) {
        return R"({"name": "t", "mail": {"journal": true}, "children": [)" + children + "]}";
    };
    supe::simulation::world w;
    support::provide_players(w);
    w.run(
        tree(R"({"name": "a", "component": "stubborn"}, {"name": "b", "component": "stubborn"})"));
    for (const char* to : {"/a", "/b", "/b"}) w.mail(to, "1");
    w.advance(1s);
    w.clean_up();
    w.run(tree(""));
    const std::string rest =
        ", which the tree file does not have: delivered when that name returns (supe dead)";
    for (const char* waits : {"1 mail of an earlier run waits in the journal for a",
                              "2 mails of an earlier run wait in the journal for b"}) {
        const bool said = std::ranges::any_of(
            w.lines(), [&](const std::string& line) { return line.ends_with(waits + rest); });
        BOOST_TEST(said, waits);
    }
}

BOOST_AUTO_TEST_SUITE_END()
