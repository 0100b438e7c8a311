// Journaled mail, step by step: accepted and delivered only after its commit, and restored in the
// next life.
#include "tests/support/router_fixture.hpp"

#include <deque>

using support::mail_endpoint;
using support::signal;
using support::words;

namespace {

/// Keeps the steps as words. A test reports the results of commits.
struct script final : supe::journal {
    words steps;
    std::vector<supe::journaled_mail> puts;
    std::map<std::string, std::uint64_t> marks;

    part restore_part(supe::journal_reader&) override { return {}; }
    void put(supe::journaled_mail mail) override {
        steps.push_back("put " + mail.msg);
        puts.push_back(std::move(mail));
    }
    void mark_delivery(const std::string& box, std::uint64_t sequence) override {
        marks[box] = std::max(marks[box], sequence);
    }
    void erase(std::uint64_t sequence, std::string_view finished) override {
        steps.push_back(fmt::format("erase {} {}", sequence, finished));
    }
    void put_back(std::uint64_t sequence, unsigned attempt, unsigned charges, bool suspect,
                  supe::mail_history history) override {
        steps.push_back(fmt::format("back {} attempt {} charges {} suspect {} events {}", sequence,
                                    attempt, charges, suspect, history.size()));
    }
    void keep(std::shared_ptr<const supe::dead_letter>) override {}
    void discard(const std::string&) override {}
    void flush() override {}
    supe::awaitable<result> next_result() override { co_return result{}; }
    void close() override {}
    words taken() { return std::exchange(steps, {}); }
};

struct journaled_router : support::router_fixture {
    script journal;
    explicit journaled_router(std::string address = "", bool with_uplink = false)
        : router_fixture(std::move(address), with_uplink) {
        mail.delivery.keep_in(journal, supe::mail_delivery::new_mail::is_written);
    }
    void commit(std::size_t n) { mail.delivery.on_journal({n, {}}); }
    void fail(std::size_t n) { mail.delivery.on_journal({n, "disk full"}); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(journal)

// Neither accepted nor delivered before the commit; the ack is written, and not waited for.
BOOST_AUTO_TEST_CASE(accepted_after_its_commit) {
    journaled_router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    o.mail.delivery.on_ready(b, 9);
    for (int i = 1; i <= 3; ++i)
        o.sends(a, fmt::format(R"({{"type":"mail","to":"b","msg":{},"id":"{}","receipt":true}})", i,
                               i));
    BOOST_TEST_SAME(o.received(a), {});
    BOOST_TEST_SAME(o.received(b), {});
    o.commit(2);
    BOOST_TEST_SAME(o.received(a), {signal("MAIL-ACCEPTED", R"({"id":"1"})"),
                                    signal("MAIL-ACCEPTED", R"({"id":"2"})")});
    BOOST_TEST(o.received(b).size() == 2u);
    BOOST_TEST(o.journal.marks["b"] == 2u);
    o.mail.delivery.on_ack(b, "id-2");
    BOOST_TEST_SAME(o.received(a), {signal("MAIL-ACKED", R"({"id":"2"})")});
    BOOST_TEST_SAME(o.journal.taken(), {"put 1", "put 2", "put 3", "erase 2 "});
}

// A mail that could not be written is refused to its sender, and never delivered; later mail is
// taken again.
BOOST_AUTO_TEST_CASE(refused_when_it_cannot_be_written) {
    journaled_router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    o.mail.delivery.on_ready(b, 9);
    o.sends(a, R"({"type":"mail","to":"b","msg":1,"id":"1"})");
    o.sends(a, R"({"type":"mail","to":"b","msg":2})");
    o.fail(2);
    BOOST_TEST_SAME(o.received(a),
                    {signal("MAIL-UNDELIVERABLE", R"({"id":"1","reason":"journal-failed"})")});
    BOOST_TEST_SAME(o.events, {"undeliverable: 2 journal-failed"});
    BOOST_TEST(b.box.empty());
    o.sends(a, R"({"type":"mail","to":"b","msg":3,"id":"3"})");
    o.commit(1);
    BOOST_TEST(o.received(a).size() == 1u);
    BOOST_TEST(o.received(b).size() == 1u);
}

// A crash writes the new counters of the mail; a dead mail is erased after its letter is written.
BOOST_AUTO_TEST_CASE(crashes_are_written) {
    journaled_router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    o.sends(a, R"({"type":"mail","to":"b","msg":1})");
    o.commit(1);
    for (int n = 0; n < 3; ++n) {
        o.mail.delivery.on_ready(b, 1);
        o.end(b, true);
        o.start(b);
    }
    BOOST_TEST_SAME(o.journal.taken(),
                    {"put 1", "back 1 attempt 1 charges 1 suspect false events 1",
                     "back 1 attempt 2 charges 2 suspect false events 2", "erase 1 "});
    BOOST_TEST(o.events.back().starts_with("dead: 1 to b"));
}

// The next life: in order, with the attempts of the journal. Mail for a child that is gone stays in
// the journal, and is delivered when a child of that name is added.
BOOST_AUTO_TEST_CASE(restored) {
    journaled_router before;
    mail_endpoint& a = before.add("a");
    before.add("b"), before.add("gone");
    for (int i = 1; i <= 3; ++i)
        before.sends(
            a, fmt::format(R"({{"type":"mail","to":"{}","msg":{}}})", i == 2 ? "gone" : "b", i));
    before.journal.puts[2].attempt = 4;

    journaled_router o;
    o.add("a");
    mail_endpoint& b = o.add("b");
    for (const auto& mail : before.journal.puts) o.mail.delivery.restore(mail);
    BOOST_TEST_SAME(o.events, {});
    BOOST_TEST(o.mail.delivery.unknown().at({"gone", supe::mailbox::anyone}).size() == 1u);
    o.mail.delivery.on_ready(b, 9);
    BOOST_TEST_SAME(o.received(b),
                    {R"({"type":"mail","from":"a","msg":1,"id":"id-1","attempt":1})",
                     R"({"type":"mail","from":"a","msg":3,"id":"id-3","attempt":5})"});
    o.mail.delivery.on_ack_oldest(b);
    BOOST_TEST_SAME(o.journal.taken(), {"erase 1 "});
    mail_endpoint& gone = o.add("gone");
    o.mail.delivery.on_ready(gone, 9);
    BOOST_TEST_SAME(o.received(gone),
                    {R"({"type":"mail","from":"a","msg":2,"id":"id-2","attempt":1})"});
    o.mail.delivery.on_ack_oldest(gone);
    BOOST_TEST_SAME(o.journal.taken(), {"erase 2 "});
    BOOST_TEST(o.mail.delivery.unknown().empty());
}

// An operator may drop mail whose child is gone.
BOOST_AUTO_TEST_CASE(unknown_dropped) {
    journaled_router o;
    for (std::uint64_t n = 1; n <= 3; ++n) {
        supe::journaled_mail mail;
        mail.sequence = n;
        mail.box = "gone";
        mail.id = fmt::format("x-{}", n);
        mail.msg = "0";
        o.mail.delivery.restore(mail);
    }
    BOOST_TEST(!o.mail.delivery.drop_unknown(4));
    BOOST_TEST(o.mail.delivery.drop_unknown(2));
    BOOST_TEST(o.mail.delivery.drop_all_unknown() == 2u);
    BOOST_TEST_SAME(o.journal.taken(), {"erase 2 ", "erase 1 ", "erase 3 "});
}

// … and who waits above for the receipt of such mail hears that it never comes.
BOOST_AUTO_TEST_CASE(unknown_dropped_with_a_receipt) {
    journaled_router o("/dam", true);
    for (std::uint64_t n = 1; n <= 3; ++n) {
        supe::journaled_mail mail;
        mail.sequence = n;
        mail.box = "gone";
        mail.id = fmt::format("x-{}", n);
        mail.msg = "0";
        mail.from_above = true;
        mail.receipt = n != 2;
        o.mail.delivery.restore(mail);
    }
    BOOST_TEST(o.mail.delivery.drop_unknown(1));
    BOOST_TEST_SAME(o.received_above(),
                    {signal("MAIL-UNDELIVERABLE", R"({"id":"x-1","reason":"removed"})")});
    BOOST_TEST(o.mail.delivery.drop_all_unknown() == 2u);
    BOOST_TEST_SAME(o.received_above(),
                    {signal("MAIL-UNDELIVERABLE", R"({"id":"x-3","reason":"removed"})")});
    BOOST_TEST_SAME(o.journal.taken(), {"erase 1 x-1", "erase 2 x-2", "erase 3 x-3"});
}

// A row whose text is no JSON breaks no recipient: it is a letter, with its bytes as a string.
BOOST_AUTO_TEST_CASE(restored_damaged) {
    journaled_router o;
    mail_endpoint& b = o.add("b");
    const auto restore = [&o](std::uint64_t n, const char* msg, const char* extras) {
        supe::journaled_mail mail;
        mail.sequence = n;
        mail.box = "b";
        mail.id = fmt::format("id-{}", n);
        mail.msg = msg;
        mail.extras = extras;
        o.mail.delivery.restore(mail);
    };
    restore(1, "{no", "");
    restore(2, "2", ",\"x\":");
    restore(3, "3", ",\"x\":1");
    restore(4, "4}\n{\"type\":\"signal\"", "");
    const char* const why = "its text in the journal is no JSON after 0";
    BOOST_TEST_SAME(o.events, {fmt::format("dead: \"{{no\" to b: {}", why),
                               fmt::format("dead: \"2\" to b: {}", why),
                               fmt::format(R"(dead: "4}}\n{{\"type\":\"signal\"" to b: {})", why)});
    BOOST_TEST_SAME(o.journal.taken(), {"erase 1 ", "erase 2 ", "erase 4 "});
    o.mail.delivery.on_ready(b, 9);
    BOOST_TEST(o.received(b).size() == 1u);
}

// Mail for an instance that the tree has no more stays in the journal: nobody else may have it, and
// the dead letters may have no room for all of it.
BOOST_AUTO_TEST_CASE(restored_for_an_instance) {
    journaled_router o;
    mail_endpoint& b = o.add("b");
    for (const auto& [n, meant_for] : {std::pair(1u, 0u), {2u, 1u}, {3u, supe::mailbox::anyone}}) {
        supe::journaled_mail mail;
        mail.sequence = n;
        mail.box = "b";
        mail.id = fmt::format("id-{}", n);
        mail.msg = fmt::format("{}", n);
        mail.meant_for = meant_for;
        o.mail.delivery.restore(mail);
    }
    BOOST_TEST_SAME(o.events, {});
    BOOST_TEST_SAME(o.journal.taken(), {});
    BOOST_TEST(o.mail.delivery.unknown().size() == 1u);
    o.mail.delivery.on_ready(b, 9);
    BOOST_TEST(o.received(b).size() == 2u);
    BOOST_TEST(b.box.queued() == 0u);
}

// The name returns: what waited for it is let in over turns, and what comes meanwhile is delivered
// behind it.
BOOST_AUTO_TEST_CASE(let_in_in_turns) {
    constexpr std::size_t most = supe::mail_delivery::restored_per_turn;
    journaled_router o;
    mail_endpoint& a = o.add("a");
    supe::journaled_mail mail;
    mail.box = "b";
    for (std::size_t n = 1; n <= 10 * most + 1; ++n) {
        mail.sequence = n;
        mail.id = fmt::format("id-{}", n);
        mail.msg = fmt::format("{}", n);
        o.mail.delivery.restore(mail);
    }
    mail_endpoint& b = o.add("b");
    o.mail.delivery.on_ready(b, 9);
    o.sends(a, R"({"type":"mail","to":"b","msg":"new"})");
    o.commit(1);
    BOOST_TEST(o.mail.delivery.has_unfinished());
    BOOST_TEST_SAME(o.received(b), {});
    while (o.mail.delivery.has_unfinished()) o.mail.flush();
    BOOST_TEST(b.box.queued() + b.box.in_flight() == 10 * most + 2);
    const auto first = o.received(b);
    BOOST_REQUIRE(first.size() == 9u);
    BOOST_TEST(first[0].find(R"("msg":1,)") != std::string::npos, first[0]);
}

// … and of large mail a turn lets in less: it has a budget of bytes too.
BOOST_AUTO_TEST_CASE(large_mail_let_in_in_turns) {
    journaled_router o;
    supe::journaled_mail mail;
    mail.box = "b";
    mail.msg = '"' + std::string(supe::mail_delivery::restored_bytes_per_turn / 2, 'x') + '"';
    for (mail.sequence = 1; mail.sequence <= 7; ++mail.sequence) o.mail.delivery.restore(mail);
    mail_endpoint& b = o.add("b");
    BOOST_TEST(b.box.queued() == 2u);
    BOOST_TEST(o.mail.delivery.has_unfinished());
    while (o.mail.delivery.has_unfinished()) o.mail.flush();
    BOOST_TEST(b.box.queued() == 7u);
}

// While the journal cannot be read nothing that would be written is accepted, also between its
// parts: a new mail could get the number of one that the file has. Afterwards it is numbered behind
// all of them.
BOOST_AUTO_TEST_CASE(not_read_yet) {
    journaled_router o;
    mail_endpoint& a = o.add("a");
    o.add("b");
    o.mail.delivery.await_earlier_mail();
    const auto send = [&](const char* id) {
        o.sends(a, fmt::format(R"({{"type":"mail","to":"b","msg":1,"id":"{}"}})", id));
    };
    const auto refused = [](const char* id) {
        return signal("MAIL-UNDELIVERABLE",
                      fmt::format(R"({{"id":"{}","reason":"journal-failed"}})", id).c_str());
    };
    supe::journaled_mail earlier;
    earlier.box = "b";
    earlier.msg = "0";
    send("1");
    earlier.sequence = 1;
    o.mail.delivery.restore(earlier);
    send("2");
    earlier.sequence = std::uint64_t{1} << 48;
    o.mail.delivery.restore(earlier);
    BOOST_TEST_SAME(o.received(a), {refused("1"), refused("2")});
    BOOST_TEST_SAME(o.journal.taken(), {});
    o.mail.delivery.on_earlier_mail();
    send("3");
    BOOST_REQUIRE(o.journal.puts.size() == 1u);
    BOOST_TEST(o.journal.puts[0].sequence == earlier.sequence + 1);
}

// Where new mail stays in memory it is taken meanwhile, and stands behind the earlier mail.
BOOST_AUTO_TEST_CASE(not_read_yet_and_not_written) {
    support::router_fixture o;
    script journal;
    o.mail.delivery.keep_in(journal, supe::mail_delivery::new_mail::stays_in_memory);
    o.mail.delivery.await_earlier_mail();
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    o.sends(a, R"({"type":"mail","to":"b","msg":"new"})");
    supe::journaled_mail earlier;
    earlier.box = "b";
    earlier.msg = "0";
    earlier.sequence = (std::uint64_t{1} << 48) + 1;
    o.mail.delivery.restore(earlier);
    o.mail.delivery.on_earlier_mail();
    o.mail.delivery.on_ready(b, 9);
    const words got = o.received(b);
    BOOST_REQUIRE(got.size() == 2u);
    BOOST_TEST(got[0].find(R"("msg":0,)") != std::string::npos, got[0]);
    BOOST_TEST(got[1].find(R"("msg":"new",)") != std::string::npos, got[1]);
}

// The name is removed while its mail is let in: the rest stays unknown over any number of turns,
// until the name returns once more.
BOOST_AUTO_TEST_CASE(removed_while_it_is_let_in) {
    journaled_router o;
    supe::journaled_mail mail;
    mail.box = "b";
    for (std::size_t n = 0; n <= supe::mail_delivery::restored_per_turn; ++n) {
        mail.sequence = n + 1;
        mail.id = fmt::format("id-{}", n + 1);
        mail.msg = "1";
        o.mail.delivery.restore(mail);
    }
    o.remove(o.add("b"));
    o.add("c");
    while (o.mail.delivery.has_unfinished()) o.mail.flush();
    o.mail.flush();
    BOOST_TEST(o.mail.delivery.unknown().size() == 1u);
    const mail_endpoint& b = o.add("b");
    BOOST_TEST(o.mail.delivery.unknown().empty());
    BOOST_TEST(b.box.queued() == 1u);
    BOOST_TEST(!o.mail.delivery.has_unfinished());
}

// Mail on its way to another supervisor, up or down, is not written here: it is kept in memory
// until the next hop has it.
BOOST_AUTO_TEST_CASE(on_its_way) {
    journaled_router o("/dam", true);
    mail_endpoint& a = o.add("a");
    mail_endpoint& deep = o.add("deep", support::supervisor);
    o.mail.delivery.on_ready(deep, 9);
    o.sends(a, R"({"type":"mail","to":"/x","msg":1})");
    o.sends(a, R"({"type":"mail","to":"deep/x","msg":2})");
    BOOST_TEST(o.received_above().size() == 1u);
    BOOST_TEST(o.received(deep).size() == 1u);
    o.end(deep, false);
    o.remove(deep);
    BOOST_TEST_SAME(o.journal.taken(), {});
}

// From above: acknowledged there after the commit; in the next life it is dropped when it comes
// again, also when it was done with, and its receipt is still sent.
BOOST_AUTO_TEST_CASE(from_above_across_lives) {
    const auto frame = [](const char* id, int attempt) {
        return fmt::format(
            R"({{"type":"mail","from":"/a","msg":1,"id":"{}","attempt":{},"receipt":true,"to":"/dam/q"}})",
            id, attempt);
    };
    journaled_router before("/dam", true);
    before.add("q");
    before.from_above(frame("r-1", 1));
    BOOST_TEST_SAME(before.received_above(), {});
    before.commit(1);
    BOOST_TEST_SAME(before.received_above(), {signal("ACK-CURRENT-MAIL", R"({"ids":["r-1"]})")});

    journaled_router o("/dam", true);
    mail_endpoint& q = o.add("q");
    o.mail.directory.uplink()->hop->accepted("r-0");
    o.mail.delivery.restore(before.journal.puts.at(0));
    o.from_above(frame("r-0", 2));
    o.from_above(frame("r-1", 2));
    BOOST_TEST_SAME(o.received_above(), {signal("ACK-CURRENT-MAIL", R"({"ids":["r-0","r-1"]})")});
    o.mail.delivery.on_ready(q, 9);
    BOOST_TEST(o.received(q).size() == 1u);
    o.mail.delivery.on_ack_oldest(q);
    BOOST_TEST_SAME(o.received_above(), {signal("MAIL-ACKED", R"({"id":"r-1"})")});
    BOOST_TEST_SAME(o.journal.taken(), {"erase 1 r-1"});
}

// A child is removed while its mail is being written: the mail is refused and erased, and the later
// commit changes nothing.
BOOST_AUTO_TEST_CASE(removed_meanwhile) {
    journaled_router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    o.sends(a, R"({"type":"mail","to":"b","msg":1,"id":"1"})");
    o.remove(b);
    o.commit(1);
    BOOST_TEST_SAME(o.received(a),
                    {signal("MAIL-UNDELIVERABLE", R"({"id":"1","reason":"removed"})")});
    BOOST_TEST_SAME(o.journal.taken(), {"put 1", "erase 1 "});
}

// … and so is mail for one instance alone.
BOOST_AUTO_TEST_CASE(instance_removed_meanwhile) {
    journaled_router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& one = o.add("w");
    one.name = "w.1";
    mail_endpoint& two = o.add_instance(one, 2);
    o.sends(a, R"({"type":"mail","to":"w.2","msg":1,"id":"1"})");
    o.sends(a, R"({"type":"mail","to":"w","msg":2,"id":"2"})");
    o.remove(two);
    o.commit(2);
    BOOST_TEST_SAME(o.received(a),
                    {signal("MAIL-UNDELIVERABLE", R"({"id":"1","reason":"removed"})"),
                     signal("MAIL-ACCEPTED", R"({"id":"2"})")});
    BOOST_TEST_SAME(o.journal.taken(), {"put 1", "put 2", "erase 1 "});
}

// A letter and a history survive as text; an unreadable text gives an empty one.
BOOST_AUTO_TEST_CASE(texts) {
    supe::dead_letter letter;
    letter.id = "a\"1";
    letter.recipient = "worker";
    letter.msg = R"({"x":"é"})";
    letter.attempt = 3;
    letter.answer = true;
    letter.at += std::chrono::hours(1);
    letter.history = {{letter.at, "it crashed"}};
    const auto again = supe::letter_from(supe::to_text(letter));
    BOOST_TEST(again.id == letter.id);
    BOOST_TEST(again.msg == letter.msg);
    BOOST_TEST((again.attempt == 3u && again.answer && again.at == letter.at));
    BOOST_TEST(again.history.at(0).what == "it crashed");
    BOOST_TEST(supe::letter_from("[1").id.empty());
    BOOST_TEST(supe::history_from("").empty());
    BOOST_TEST(supe::history_from(R"([[1],[2,"x"],3])").size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
