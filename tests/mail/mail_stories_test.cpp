// Mail in whole trees: simulated processes, virtual time.
#include "supe/simulation/world.hpp"
#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::component;
using supe::simulation::world;
using words = std::vector<std::string>;

namespace {

/// What the components of a test received, in order.
struct diary {
    words lines;

    /// Acknowledges all but "poison", which kills it.
    supe::component_main worker(unsigned window = 1) {
        return [this, window](component& self) { return work(*this, self, window); };
    }
    static awaitable<> work(diary& d, component& self, unsigned window) {
        self.set_window(window);
        while (auto mail = co_await self.receive()) {
            d.lines.push_back(fmt::format("{} {}", mail->body(), mail->attempt()));
            if (mail->body() == "\"poison\"") throw std::runtime_error("poisoned");
            mail->ack();
        }
    }
    /// Sends one mail with a receipt, and notes the outcome.
    supe::component_main asker(std::string to) {
        return [this, to](component& self) { return ask(*this, self, to); };
    }
    static awaitable<> ask(diary& d, component& self, std::string to) {
        const supe::error_code error = co_await self.try_deliver(to, "1");
        d.lines.push_back(error ? error.message() : "acked");
        co_await self.shutdown_requested();
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(mail_stories)

// With default limits a poison mail goes to the dead letters before its component is given up, and
// the mail behind it is handled.
BOOST_AUTO_TEST_CASE(poison_goes_before_its_component) {
    diary d;
    world w;
    w.provide("worker", d.worker());
    w.run(R"({"name": "t", "children": [{"name": "w", "component": "worker"}]})");
    w.mail("/w", R"("poison")");
    w.mail("/w", R"("good")");
    w.advance(1min);
    BOOST_TEST(d.lines == (words{"\"poison\" 1", "\"poison\" 2", "\"poison\" 3", "\"good\" 1"}),
               boost::test_tools::per_element());
    BOOST_TEST(w.count("mail-dead-lettered") == 1u);
    BOOST_TEST(w.count("component-excessive-crash") == 0u);
    BOOST_REQUIRE(w.root().dead().all().size() == 1u);
    BOOST_TEST(w.root().dead().all().front().history.size() == 3u);
    BOOST_TEST(w.stop());
}

// … also when the component takes many at once. The first crash, with many in flight, charges no
// mail. At the next crashes each mail is alone. The crash by which the poison goes is let pass,
// although it exceeds the component's own limit.
BOOST_AUTO_TEST_CASE(poison_among_many) {
    diary d;
    world w;
    w.provide("worker", [&d](component& self) -> awaitable<> {
        self.set_window(10);
        co_await self.time().sleep_for(1s);  // until then mail waits, and comes at once
        co_await diary::work(d, self, 10);
    });
    w.run(R"({"name": "t", "children": [{"name": "w", "component": "worker"}]})");
    for (const char* mail : {R"("poison")", "1", "2", "3"}) w.mail("/w", mail);
    w.advance(1min);
    BOOST_REQUIRE(w.root().dead().all().size() == 1u);
    BOOST_TEST(w.root().dead().all().front().msg == R"("poison")");
    BOOST_TEST(w.count("component-crashed") == 4u);
    BOOST_TEST(w.count("component-excessive-crash") == 0u);
    BOOST_TEST(d.lines == (words{"\"poison\" 1", "\"poison\" 2", "\"poison\" 3", "\"poison\" 4",
                                 "1 2", "2 2", "3 2"}),
               boost::test_tools::per_element());
    BOOST_TEST(w.stop());
}

// Mail for others never waits behind a full mailbox that blocks its senders, however much is sent
// there.
BOOST_AUTO_TEST_CASE(full_beside_free) {
    world w;
    unsigned accepted = 0, free = 0;
    w.provide("deaf", [](supe::component& self) -> supe::awaitable<> {
        co_await self.shutdown_requested();
    });
    w.provide("free", [&](supe::component& self) -> supe::awaitable<> {
        while (auto mail = co_await self.receive()) ++free, mail->ack();
    });
    w.provide("sender", [&](supe::component& self) -> supe::awaitable<> {
        supe::nursery all(self.time());
        const auto send = [&](std::string to) -> supe::awaitable<> {
            co_await self.send(std::move(to), "1");
            ++accepted;
        };
        for (int i = 0; i < 2150; ++i) all.start(send("/dam/full"));
        all.start(send("/dam/free"));
        co_await self.shutdown_requested();
        all.cancel();
        co_await all.join();
    });
    w.run(R"({"name": "t", "children": [{"name": "dam", "children": [
        {"name": "full", "component": "deaf", "mail": {"limit": 1100, "on_full": "block"}}, {"name": "free", "component": "free"}]},
        {"name": "sender", "component": "sender"}]})");
    w.advance(10s);
    BOOST_TEST(free == 1u);
    BOOST_TEST(accepted == 1101u);  // the rest is withheld
    BOOST_TEST(w.stop());
}

// The next life of the tree has the dead letters. A letter that is sent again has all its attempts
// again, and is no letter any more.
BOOST_AUTO_TEST_CASE(dead_letters_outlive_the_tree) {
    diary d;
    world w;
    bool cured = false;
    w.provide("worker",
              [&](component& self) { return cured ? diary::work(d, self, 1) : d.worker()(self); });
    const char* const tree = R"({"name": "t", "children": [{"name": "w", "component": "worker"}]})";
    w.run(tree);
    w.mail("/w", R"("poison")");
    w.advance(1min);
    BOOST_TEST(w.stop());
    w.run(tree);
    BOOST_REQUIRE(w.root().dead().all().size() == 1u);
    const supe::dead_letter letter = w.root().dead().all().front();
    BOOST_TEST(letter.recipient == "w");
    d.lines.clear();
    w.root().mail().delivery.put_again(letter.recipient, letter.view());
    BOOST_TEST(w.root().dead().drop(letter.id));
    w.root().mail().flush();
    w.run_ready();
    BOOST_TEST(d.lines.at(0) == "\"poison\" 4");  // it may have been handled before
}

// A supervisor on the way dies while the one below it, which has the recipient, has no capacity for
// the mail. The hop before still has the mail, and the only outcome for the sender is that it
// arrived.
BOOST_AUTO_TEST_CASE(death_on_the_way) {
    diary d;
    world w;
    bool deaf = true;
    w.provide("asker", [&d](component& self) {
        self.tell("/n/m/w", "0");  // fills the mailbox
        return diary::ask(d, self, "/n/m/w");
    });
    w.provide("worker", [&](component& self) {
        return deaf ? self.shutdown_requested() : diary::work(d, self, 1);
    });
    w.run(R"({"name": "t", "children": [{"name": "n", "children": [{"name": "m", "children": [
        {"name": "w", "component": "worker", "mail": {"limit": 1, "on_full": "block"}}]}]}, {"name": "a", "component": "asker"}]})");
    w.advance(1s);
    BOOST_TEST(d.lines.empty());
    deaf = false;
    w.crash("/n");
    w.advance(10s);
    BOOST_REQUIRE(d.lines.size() == 2u);
    BOOST_TEST(d.lines.at(0).starts_with("1 "));
    BOOST_TEST(d.lines.at(1) == "acked");
}

// A nested supervisor dies with a mail that it had accepted: the sender that waits for the receipt
// gets an answer.
BOOST_AUTO_TEST_CASE(supervisor_died) {
    diary d;
    world w;
    w.provide("asker", d.asker("/n/w"));
    w.provide("deaf", [](component& self) { return self.shutdown_requested(); });
    w.run(
        R"({"name": "t", "children": [{"name": "n", "children": [{"name": "w", "component": "deaf"}]},
                                        {"name": "a", "component": "asker"}]})");
    w.advance(1s);
    BOOST_TEST(d.lines.empty());
    w.crash("/n");
    BOOST_TEST(d.lines == words{"the supervisor that had accepted the mail died"});
}

// … and with a journal it still has the mail, and the receipt comes from its next life.
BOOST_AUTO_TEST_CASE(journal_below) {
    diary d;
    world w;
    bool deaf = true;
    w.provide("asker", d.asker("/n/w"));
    w.provide("worker", [&](component& self) {
        return deaf ? self.shutdown_requested() : diary::work(d, self, 1);
    });
    w.run(
        R"({"name": "t", "children": [{"name": "n", "mail": {"journal": true}, "children": [{"name": "w", "component": "worker"}]},
                                        {"name": "a", "component": "asker"}]})");
    w.advance(1s);
    deaf = false;
    w.crash("/n");
    w.advance(10s);
    BOOST_TEST(d.lines == (words{"1 1", "acked"}), boost::test_tools::per_element());
    BOOST_TEST(w.disk("/n").mails.empty());
}

// A nested supervisor is killed when its journal has a mail and nobody above knows that. Its next
// life is offered the mail once more and recognises it: it is delivered once, and acked. One that
// has no next life (`temporary`) may have the mail: its sender does not hear `removed`. The mail is
// delivered when the name returns.
BOOST_AUTO_TEST_CASE(killed_before_it_answers) {
    for (const bool lives_on : {true, false}) {
        diary asked, done;
        world w;
        w.provide("asker", asked.asker("/n/w"));
        w.provide("worker", done.worker());
        const std::string nested = fmt::format(
            R"({{"name": "n", "restart": "{}", "mail": {{"journal": true}}, "children": [
                {{"name": "w", "component": "worker"}}]}})",
            lives_on ? "permanent" : "temporary");
        w.disk("/n").is_silent = true;
        w.run(R"({"name": "t", "children": [)" + nested +
              R"(, {"name": "a", "component": "asker"}]})");
        w.advance(1s);
        BOOST_TEST(w.disk("/n").mails.size() == 1u);
        BOOST_TEST((asked.lines.empty() && done.lines.empty()));
        w.disk("/n").is_silent = false;
        w.crash("/n");
        w.advance(10s);
        BOOST_TEST(asked.lines ==
                       words{lives_on ? "acked" : "the supervisor that had accepted the mail died"},
                   boost::test_tools::per_element());
        if (!lives_on)
            BOOST_TEST(w.by_hand(w.root().admin().add(supe::parse_child(nested, "n", "/"))) == "");
        w.advance(10s);
        BOOST_TEST(done.lines == words{"1 1"}, boost::test_tools::per_element());
        BOOST_TEST(w.disk("/n").mails.empty());
        BOOST_TEST(w.root().dead().all().empty());
    }
}

// The root with a journal is killed: its mail is there in the next life, in order, and the acked
// ones are not.
BOOST_AUTO_TEST_CASE(journal_of_the_root) {
    diary d;
    world w;
    bool deaf = true;
    w.provide("worker", [&](component& self) {
        return deaf ? self.shutdown_requested() : diary::work(d, self, 1);
    });
    const char* const tree =
        R"({"name": "t", "mail": {"journal": true}, "children": [{"name": "w", "component": "worker"}]})";
    w.run(tree);
    for (int i = 1; i <= 3; ++i) w.mail("/w", std::to_string(i));
    w.advance(1s);
    BOOST_TEST(w.disk("").mails.size() == 3u);
    w.clean_up();
    deaf = false;
    w.run(tree);
    BOOST_TEST(d.lines == (words{"1 1", "2 1", "3 1"}), boost::test_tools::per_element());
    w.advance(1s);
    BOOST_TEST(w.disk("").mails.empty());
}

// … with the attempts: mail in flight at the death may have been handled, mail that waited behind
// it was not.
BOOST_AUTO_TEST_CASE(attempts_across_a_death) {
    diary d;
    world w;
    bool holds = true;
    w.provide("worker", [&](component& self) -> awaitable<> {
        self.set_window(2);
        if (holds) co_await self.receive();
        holds ? co_await self.shutdown_requested() : co_await diary::work(d, self, 2);
    });
    const char* const tree =
        R"({"name": "t", "mail": {"journal": true}, "children": [{"name": "w", "component": "worker"}]})";
    w.run(tree);
    for (int i = 1; i <= 3; ++i) w.mail("/w", std::to_string(i));
    w.advance(1s);
    w.clean_up();
    holds = false;
    w.run(tree);
    BOOST_TEST(d.lines == (words{"1 2", "2 2", "3 1"}), boost::test_tools::per_element());
}

// A full disk: mail is refused, with one line of the log; when there is space again, mail is
// accepted.
BOOST_AUTO_TEST_CASE(full_disk) {
    diary d;
    world w;
    w.provide("worker", d.worker());
    w.run(
        R"({"name": "t", "mail": {"journal": true}, "children": [{"name": "w", "component": "worker"}]})");
    w.disk("").broken = "supe.sqlite: database or disk is full";
    w.mail("/w", "1");
    w.mail("/w", "2");
    w.advance(1s);
    BOOST_TEST(w.count("mail-undeliverable") == 2u);
    w.disk("").broken.clear();
    w.mail("/w", "3");
    w.advance(1s);
    BOOST_TEST(d.lines == words{"3 1"});
    std::size_t logged = 0;
    for (const std::string& line : w.lines())
        logged += line.find("database or disk is full") != std::string::npos;
    BOOST_TEST(logged == 1u);
}

/// A mail that an earlier run left for `w`.
supe::journaled_mail left_for_w() {
    supe::journaled_mail mail;
    mail.sequence = 7;
    mail.box = "w";
    mail.id = "x-1";
    mail.from = "a";
    mail.msg = "1";
    return mail;
}

// A disk that is full at the start: the mail of the run before is read when there is room, and goes
// before what came meanwhile.
BOOST_AUTO_TEST_CASE(full_at_the_start) {
    for (const char* journal : {"true", "false"}) {
        diary d;
        world w;
        w.provide("worker", d.worker());
        w.disk("").mails[7] = left_for_w();
        w.disk("").broken = "supe.sqlite: database or disk is full";
        w.run(fmt::format(
            R"({{"name": "t", "mail": {{"journal": {}}}, "children": [{{"name": "w", "component": "worker", "demand": true}}]}})",
            journal));
        w.advance(1min);
        BOOST_TEST(d.lines == words{});
        BOOST_TEST(w.by_hand(w.root().admin().stop("w")) == "");
        w.mail("/w", "2");
        w.advance(1s);
        w.disk("").broken.clear();
        w.advance(11s);
        BOOST_TEST(w.disk("").mails.size() == 1u);
        w.mail("/w", "3");
        BOOST_TEST(w.by_hand(w.root().admin().start("w")) == "");
        w.advance(1s);
        const bool written = std::string(journal) == "true";
        BOOST_TEST(d.lines == (written ? words{"1 1", "3 1"} : words{"1 1", "2 1", "3 1"}),
                   boost::test_tools::per_element());
        BOOST_TEST(w.disk("").mails.empty());
        BOOST_TEST(w.stop());
    }
}

// … and a child on demand is started for it; so it is for mail whose name returns to the tree.
BOOST_AUTO_TEST_CASE(demanded_by_earlier_mail) {
    for (const bool late : {true, false}) {
        diary d;
        world w;
        w.provide("worker", d.worker());
        w.disk("").mails[7] = left_for_w();
        const std::string child = R"({"name": "w", "component": "worker", "demand": true})";
        if (late) w.disk("").broken = "supe.sqlite: database or disk is full";
        w.run(R"({"name": "t", "children": [)" + (late ? child : std::string()) + "]}");
        BOOST_TEST(d.lines == words{});
        w.disk("").broken.clear();
        if (!late)
            BOOST_TEST(w.by_hand(w.root().admin().add(supe::parse_child(child, "w", "/"))) == "");
        w.advance(11s);
        BOOST_TEST(d.lines == words{"1 1"});
        BOOST_TEST(w.stop());
    }
}

// A child is down, because an operator stopped it or because it was given up. Its mailbox keeps its
// mail, and takes more up to its limit. Started again, the child gets all of it, in order, as first
// attempts.
BOOST_AUTO_TEST_CASE(kept_while_it_is_down) {
    for (const bool manually : {true, false}) {
        diary d;
        world w;
        bool deaf = true;
        w.provide("worker", [&](component& self) {
            return deaf ? self.shutdown_requested() : diary::work(d, self, 1);
        });
        w.run(
            R"({"name": "t", "children": [{"name": "w", "component": "worker", "max_restarts": 0, "mail": {"limit": 4}}]})");
        for (int i = 1; i <= 2; ++i) w.mail("/w", std::to_string(i));
        if (manually) BOOST_TEST(w.by_hand(w.root().admin().stop("w")) == "");
        if (!manually) w.crash("/w");
        BOOST_TEST(w.count("component-excessive-crash") == (manually ? 0u : 1u));
        for (int i = 3; i <= 6; ++i) w.mail("/w", std::to_string(i));
        w.advance(1h);
        BOOST_TEST(w.processes() == 0u);
        BOOST_TEST(w.count("mail-undeliverable") == 2u);
        deaf = false;
        BOOST_TEST(w.by_hand(w.root().admin().start("w")) == "");
        BOOST_TEST(d.lines == (words{"1 1", "2 1", "3 1", "4 1"}),
                   boost::test_tools::per_element());
    }
}

// Mail for a temporary child that has ended is a dead letter, and a sender that waits for the
// receipt gets an answer.
BOOST_AUTO_TEST_CASE(removed) {
    diary d;
    world w;
    w.provide("asker", d.asker("w"));
    w.provide("deaf", [](component& self) { return self.shutdown_requested(); });
    w.run(
        R"({"name": "t", "children": [{"name": "w", "component": "deaf", "restart": "temporary"}, {"name": "a", "component": "asker"}]})");
    w.mail("/w", "1");
    w.crash("/w");
    w.run_ready();
    BOOST_TEST(d.lines == words{"the recipient was removed"});
    BOOST_REQUIRE(w.root().dead().all().size() == 1u);  // the asker keeps its own mail
    BOOST_TEST(w.root().dead().all().front().msg == "1");
    BOOST_TEST(w.root().dead().all().front().reason == "removed");
    w.mail("/w", "2");
    w.run_ready();
    BOOST_TEST(w.messages("mail-undeliverable") ==
               words{R"({"from":"supe","reason":"unknown-address"})"});
}

// The answer to a call of an earlier life is not taken for the answer to a call of this one.
BOOST_AUTO_TEST_CASE(answers_of_another_life) {
    words received;
    world w;
    w.provide("caller", [&received](component& self) {
        return [](words& lines, component& me) -> awaitable<> {
            const auto answer = co_await me.call("/oracle", "0");
            lines.push_back(answer.body());
            co_await me.shutdown_requested();
        }(received, self);
    });
    std::vector<supe::mail> asked;
    w.provide("oracle", [&asked](component& self) {
        return [](std::vector<supe::mail>& questions, component& me) -> awaitable<> {
            me.set_window(9);
            while (auto mail = co_await me.receive()) {
                questions.push_back(std::move(*mail));
                if (questions.size() < 2) continue;
                for (std::size_t i = 0; i < questions.size(); ++i) {
                    const std::string body = fmt::format("\"answer to {}\"", i + 1);
                    questions[i].answer(body);
                }
            }
        }(asked, self);
    });
    w.run(
        R"({"name": "t", "children": [{"name": "oracle", "component": "oracle"}, {"name": "caller", "component": "caller"}]})");
    w.crash("/caller");  // the oracle has its call; the next life calls too, and both calls are
                         // answered
    w.advance(1s);
    BOOST_TEST(received == words{"\"answer to 2\""});
    asked.clear();
}

BOOST_AUTO_TEST_SUITE_END()
