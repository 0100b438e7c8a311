// Routing and answers of one supervisor, frame by frame (contract §2, §3).
#include "tests/support/router_fixture.hpp"

using support::mail_endpoint;
using support::signal;
using support::words;
using router = support::router_fixture;

BOOST_AUTO_TEST_SUITE(mail_router)

// Between siblings: accepted when it is in the mailbox, delivered unchanged with unknown members,
// acked for a receipt.
BOOST_AUTO_TEST_CASE(between_siblings) {
    router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    o.sends(a, R"({"type":"mail","to":"b","msg":{"x" : 1},"id":"1","receipt":true,"k":[2]})");
    BOOST_TEST_SAME(o.received(a), {signal("MAIL-ACCEPTED", R"({"id":"1"})")});
    BOOST_TEST_SAME(o.received(b), {});
    o.mail.delivery.on_ready(b, 1);
    BOOST_TEST_SAME(
        o.received(b),
        {R"({"type":"mail","from":"a","msg":{"x" : 1},"id":"id-1","attempt":1,"k":[2]})"});
    o.mail.delivery.on_ack(b, "id-1");
    BOOST_TEST_SAME(o.received(a), {signal("MAIL-ACKED", R"({"id":"1"})")});
    // The same by an absolute address; without an id the sender gets no answer.
    o.sends(a, R"({"type":"mail","to":"/b"})");
    BOOST_TEST_SAME(o.received(b),
                    {R"({"type":"mail","from":"a","msg":null,"id":"id-2","attempt":1})"});
    o.mail.delivery.on_ack_oldest(b);
    BOOST_TEST_SAME(o.received(a), {});
}

// Each reason of contract §2 reaches the sender; without an id it becomes a notice.
BOOST_AUTO_TEST_CASE(undeliverable) {
    router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b", support::component, {.count = 1});
    const std::pair<const char*, const char*> cases[] = {{"nobody", "unknown-address"},
                                                         {"/b/c", "unknown-address"},
                                                         {"", "unknown-address"},
                                                         {"/", ""},
                                                         {"b", ""},
                                                         {"b", "mailbox-full"}};
    for (const auto& [to, why] : cases) {
        o.sends(a, fmt::format(R"({{"type":"mail","to":"{}","msg":7,"id":"x"}})", to));
        BOOST_TEST_SAME(o.received(a),
                        {*why ? signal("MAIL-UNDELIVERABLE",
                                       fmt::format(R"({{"id":"x","reason":"{}"}})", why).c_str())
                              : signal("MAIL-ACCEPTED", R"({"id":"x"})")});
    }
    o.events.clear();
    o.sends(a, R"({"type":"mail","to":"nobody","msg":1})");
    o.sends(a, R"({"type":"mail","to":"b","msg":2})");
    BOOST_TEST_SAME(o.events,
                    {"undeliverable: 1 unknown-address", "undeliverable: 2 mailbox-full"});
    // Removed: mail that waited goes to the dead letters; a sender that asked for a receipt gets an
    // answer.
    mail_endpoint& c = o.add("c");
    o.events.clear();
    o.sends(a, R"({"type":"mail","to":"c","msg":3,"id":"y","receipt":true})");
    o.sends(a, R"({"type":"mail","to":"c","msg":4})");
    o.received(a);
    o.remove(c);
    o.mail.flush();
    BOOST_TEST_SAME(o.events, {"dead: 3 to c: removed after 0", "dead: 4 to c: removed after 0"});
    BOOST_TEST_SAME(o.received(a),
                    {signal("MAIL-UNDELIVERABLE", R"({"id":"y","reason":"removed"})")});
    o.sends(a, R"({"type":"mail","to":"c","id":"z"})");
    BOOST_TEST_SAME(o.received(a),
                    {signal("MAIL-UNDELIVERABLE", R"({"id":"z","reason":"unknown-address"})")});
    o.mail.delivery.on_ready(b, 1);
}

// A mail that is alone in flight at several crashes goes to the dead letters, and its sender gets
// `dead-lettered`; a rejected mail too.
BOOST_AUTO_TEST_CASE(dead_lettered) {
    router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    o.sends(a, R"({"type":"mail","to":"b","msg":"poison","id":"1","receipt":true})");
    for (int n = 0; n < 3; ++n) {
        o.mail.delivery.on_ready(b, 1);
        o.end(b, true);
        o.start(b);
    }
    BOOST_TEST(o.events.back() ==
               "dead: \"poison\" to b: it crashed, with this mail in flight after 3");
    o.mail.delivery.on_ready(b, 1);
    o.sends(a, R"({"type":"mail","to":"b","msg":0,"id":"2","receipt":true})");
    o.mail.delivery.on_reject(b, "id-2", supe::mailbox::rejected::dead, "too old");
    BOOST_TEST(o.events.back() == "dead: 0 to b: rejected: too old after 1");
    BOOST_TEST_SAME(o.received(a),
                    {signal("MAIL-ACCEPTED", R"({"id":"1"})"),
                     signal("MAIL-UNDELIVERABLE", R"({"id":"1","reason":"dead-lettered"})"),
                     signal("MAIL-ACCEPTED", R"({"id":"2"})"),
                     signal("MAIL-UNDELIVERABLE", R"({"id":"2","reason":"dead-lettered"})")});
}

// An answer never reaches the next life of the sender, which does not know its id.
BOOST_AUTO_TEST_CASE(no_answers_to_the_next_life) {
    router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    o.sends(a, R"({"type":"mail","to":"b","msg":0,"id":"1","receipt":true})");
    o.end(a, true);
    o.start(a);
    o.mail.delivery.on_ready(b, 1);
    o.mail.delivery.on_ack_oldest(b);
    BOOST_TEST_SAME(o.received(a), {});
}

// `block`: MAIL-ACCEPTED comes when there is capacity, in order; mail without an id is refused as
// under `reject`.
BOOST_AUTO_TEST_CASE(block_withholds_the_acceptance) {
    router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b", support::component, {.count = 1, .block = true});
    for (const char* id : {"1", "2", "3"})
        o.sends(a, fmt::format(R"({{"type":"mail","to":"b","msg":{},"id":"{}"}})", id, id));
    o.sends(a, R"({"type":"mail","to":"b","msg":4})");
    BOOST_TEST_SAME(o.received(a), {signal("MAIL-ACCEPTED", R"({"id":"1"})")});
    BOOST_TEST_SAME(o.events, {"undeliverable: 4 mailbox-full"});
    o.mail.delivery.on_ready(b, 1);
    BOOST_TEST(o.received(b).size() == 1u);
    o.mail.delivery.on_ack(b, "id-1");
    BOOST_TEST_SAME(o.received(a), {signal("MAIL-ACCEPTED", R"({"id":"2"})")});
    o.remove(b);
    BOOST_TEST_SAME(o.received(a),
                    {signal("MAIL-UNDELIVERABLE", R"({"id":"3","reason":"removed"})")});
}

// Mail that waits for capacity in a mailbox further on does not count in the window of this hop,
// and the hop before gets MAIL-WITHHELD too.
BOOST_AUTO_TEST_CASE(withheld_further_on) {
    router o("/dam", true);
    mail_endpoint& deep = o.add("deep", support::supervisor);
    mail_endpoint& q = o.add("q", support::component, {.count = 1, .block = true});
    o.mail.delivery.on_ready(deep, 1);
    const auto from_above = [&](const char* to, const char* id) {
        o.from_above(fmt::format(
            R"({{"type":"mail","from":"/a","to":"{}","msg":1,"id":"{}","attempt":1,"receipt":false}})",
            to, id));
    };
    from_above("/dam/q", "x"), from_above("/dam/q", "y");
    BOOST_TEST_SAME(o.received_above(), {signal("MAIL-WITHHELD", R"({"id":"y"})"),
                                         signal("ACK-CURRENT-MAIL", R"({"ids":["x"]})")});
    from_above("/dam/deep/r", "v"), from_above("/dam/deep/s", "w");
    BOOST_TEST(o.received(deep).size() == 1u);
    o.mail.delivery.on_outcome(deep, supe::signal_kind::mail_withheld, "v", "");
    BOOST_TEST(o.received(deep).size() == 1u);  // the window is free for the next mail
    BOOST_TEST_SAME(o.received_above(), {signal("MAIL-WITHHELD", R"({"id":"v"})")});
    o.mail.delivery.on_ack(deep, "v");
    o.remove(q);
    BOOST_TEST(o.received_above().size() == 2u);
    // A supervisor that is down does not hold up other mail either: what was in flight, what waited
    // behind it, and what comes later.
    from_above("/dam/deep/s", "u");
    BOOST_TEST(o.received_above() == words{});
    o.end(deep, false);
    from_above("/dam/deep/s", "z");
    const auto answers = [](const char* name, const char* more) {
        return words{signal(name, fmt::format(R"({{"id":"w"{}}})", more).c_str()),
                     signal(name, fmt::format(R"({{"id":"u"{}}})", more).c_str()),
                     signal(name, fmt::format(R"({{"id":"z"{}}})", more).c_str())};
    };
    BOOST_TEST(o.received_above() == answers("MAIL-WITHHELD", ""));
    // When it is removed, every sender gets an answer.
    o.remove(deep);
    BOOST_TEST(o.received_above() == answers("MAIL-UNDELIVERABLE", R"(,"reason":"removed")"));
    // A child gets no MAIL-WITHHELD: it waits for its MAIL-ACCEPTED.
    mail_endpoint& full = o.add("full", support::component, {.count = 1, .block = true});
    mail_endpoint& a = o.add("a");
    for (const char* id : {"1", "2"})
        o.sends(a, fmt::format(R"({{"type":"mail","to":"full","msg":1,"id":"{}"}})", id));
    BOOST_TEST_SAME(o.received(a), {signal("MAIL-ACCEPTED", R"({"id":"1"})")});
    o.remove(full);
}

// Down through a nested supervisor: the mail keeps its id, its sender's absolute address and
// whether the sender waits. It is accepted when the next hop has acked it, and acked when that hop
// reports the ack.
BOOST_AUTO_TEST_CASE(down) {
    router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& dam = o.add("dam", support::supervisor);
    o.mail.delivery.on_ready(dam, 9);
    o.sends(a, R"({"type":"mail","to":"/dam/q","msg":1,"id":"x","receipt":true})");
    o.sends(a, R"({"type":"mail","to":"/dam/q","msg":2,"id":"y"})");
    o.sends(a, R"({"type":"mail","to":"/dam/q","msg":3})");
    BOOST_TEST_SAME(o.received(a), {});
    BOOST_TEST_SAME(
        o.received(dam),
        {R"({"type":"mail","from":"/a","msg":1,"id":"id-1","attempt":1,"receipt":true,"to":"/dam/q"})",
         R"({"type":"mail","from":"/a","msg":2,"id":"id-2","attempt":1,"receipt":false,"to":"/dam/q"})",
         R"({"type":"mail","from":"/a","msg":3,"id":"id-3","attempt":1,"to":"/dam/q"})"});
    o.mail.delivery.on_ack(dam, "id-1");
    o.mail.delivery.on_outcome(dam, supe::signal_kind::mail_undeliverable, "id-2",
                               "unknown-address");
    o.mail.delivery.on_outcome(dam, supe::signal_kind::mail_undeliverable, "id-3", "mailbox-full");
    o.mail.delivery.on_outcome(dam, supe::signal_kind::mail_acked, "id-1", "");
    BOOST_TEST_SAME(o.received(a),
                    {signal("MAIL-ACCEPTED", R"({"id":"x"})"),
                     signal("MAIL-UNDELIVERABLE", R"({"id":"y","reason":"unknown-address"})"),
                     signal("MAIL-ACKED", R"({"id":"x"})")});
    BOOST_TEST_SAME(o.events, {"undeliverable: 3 mailbox-full"});
    BOOST_TEST(dam.box.empty());
}

// … and so is mail that it had passed on to a further one: no journal of its own has that.
BOOST_AUTO_TEST_CASE(death_between) {
    router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& dam = o.add("dam", support::supervisor);
    dam.keeps_mail = true;
    o.mail.delivery.on_ready(dam, 9);
    for (const char* to : {"/dam/q", "/dam/deep/q"})
        o.sends(a, fmt::format(R"({{"type":"mail","to":"{}","msg":1,"id":"{}","receipt":true}})",
                               to, to));
    for (const char* id : {"id-1", "id-2"}) o.mail.delivery.on_ack(dam, id);
    o.received(a);
    o.end(dam, true);
    BOOST_TEST_SAME(o.received(a), {signal("MAIL-UNDELIVERABLE",
                                           R"({"id":"/dam/deep/q","reason":"supervisor-died"})")});
}

// Many wait for a receipt when a nested supervisor goes: a turn tells a part of them.
BOOST_AUTO_TEST_CASE(told_in_turns) {
    constexpr std::size_t most = supe::mail_delivery::told_per_turn;
    router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& dam = o.add("dam", support::supervisor);
    o.mail.delivery.on_ready(dam, 1024);
    for (std::size_t n = 1; n <= most + 1; ++n) {
        o.sends(a, fmt::format(
                       R"({{"type":"mail","to":"/dam/q","msg":1,"id":"{}","receipt":true}})", n));
        o.mail.delivery.on_ack(dam, fmt::format("id-{}", n));
    }
    o.received(a), o.received(dam);
    o.mail.take_out(dam);
    BOOST_TEST(o.received(a).size() == most);
    BOOST_TEST(o.mail.delivery.has_unfinished());
    BOOST_TEST(o.received(a).size() == 1u);
    BOOST_TEST(!o.mail.delivery.has_unfinished());
}

// A nested supervisor dies: mail that it had not accepted is delivered to its next life, uncharged.
// Mail that it had accepted is answered with `supervisor-died`, unless it has a journal.
BOOST_AUTO_TEST_CASE(death_below) {
    for (const bool keeps : {false, true}) {
        router o;
        mail_endpoint& a = o.add("a");
        mail_endpoint& dam = o.add("dam", support::supervisor, {.attempts = 1});
        dam.keeps_mail = keeps;
        o.mail.delivery.on_ready(dam, 9);
        for (const char* id : {"1", "2"})
            o.sends(a, fmt::format(
                           R"({{"type":"mail","to":"/dam/q","msg":{},"id":"{}","receipt":true}})",
                           id, id));
        o.mail.delivery.on_ack(dam, "id-1");
        o.received(a), o.received(dam);
        o.end(dam, true);
        BOOST_TEST(o.received(a) ==
                   (keeps ? words{}
                          : words{signal("MAIL-UNDELIVERABLE",
                                         R"({"id":"1","reason":"supervisor-died"})")}));
        o.start(dam);
        o.mail.delivery.on_ready(dam, 9);
        BOOST_TEST_SAME(
            o.received(dam),
            {R"({"type":"mail","from":"/a","msg":2,"id":"id-2","attempt":2,"receipt":true,"to":"/dam/q"})"});
        o.mail.delivery.on_outcome(dam, supe::signal_kind::mail_acked, "id-1", "");
        BOOST_TEST(o.received(a).size() == (keeps ? 1u : 0u));
    }
}

// Up: mail is kept and counted here, and delivered within a window, until the supervisor above has
// accepted it. Its answers come back.
BOOST_AUTO_TEST_CASE(up) {
    router o("/dam", true);
    mail_endpoint& q = o.add("q");
    o.sends(q, R"({"type":"mail","to":"/a","msg":1,"id":"x","receipt":true})");
    o.sends(q, R"({"type":"mail","to":"/a","msg":2})");
    o.sends(q, R"({"type":"mail","to":"/a","msg":3,"id":"z"})");
    BOOST_TEST_SAME(
        o.received_above(),
        {R"({"type":"mail","from":"/dam/q","msg":1,"id":"id-1","attempt":1,"receipt":true,"to":"/a"})",
         R"({"type":"mail","from":"/dam/q","msg":2,"id":"id-2","attempt":1,"to":"/a"})",
         R"({"type":"mail","from":"/dam/q","msg":3,"id":"id-3","attempt":1,"receipt":false,"to":"/a"})"});
    BOOST_TEST_SAME(o.received(q), {});
    o.mail.delivery.on_outcome(*o.mail.directory.uplink(), supe::signal_kind::mail_accepted, "id-1",
                               "");
    o.mail.delivery.on_outcome(*o.mail.directory.uplink(), supe::signal_kind::mail_undeliverable,
                               "id-2", "mailbox-full");
    o.mail.delivery.on_outcome(*o.mail.directory.uplink(), supe::signal_kind::mail_undeliverable,
                               "id-3", "unknown-address");
    o.mail.delivery.on_outcome(*o.mail.directory.uplink(), supe::signal_kind::mail_acked, "id-1",
                               "");
    o.mail.delivery.on_outcome(*o.mail.directory.uplink(), supe::signal_kind::mail_acked, "id-1",
                               "");
    BOOST_TEST_SAME(o.received(q),
                    {signal("MAIL-ACCEPTED", R"({"id":"x"})"),
                     signal("MAIL-UNDELIVERABLE", R"({"id":"z","reason":"unknown-address"})"),
                     signal("MAIL-ACKED", R"({"id":"x"})")});
    BOOST_TEST_SAME(o.events, {"undeliverable: 2 mailbox-full"});
    // Of two thousand unanswered mails a window is written, and the others are kept here.
    for (int i = 0; i < 2000; ++i) o.sends(q, R"({"type":"mail","to":"/a","msg":0})");
    BOOST_TEST(o.received_above().size() == 1024u);
}

// From above: acks are gathered into one signal. A mail that was accepted and comes again is acked
// again and dropped.
BOOST_AUTO_TEST_CASE(from_above_and_again) {
    router o("/dam", true);
    mail_endpoint& q = o.add("q");
    o.mail.delivery.on_ready(q, 9);
    o.from_above(
        R"({"type":"mail","from":"/a","msg":1,"id":"r-1","attempt":1,"receipt":true,"to":"/dam/q"})");
    o.from_above(R"({"type":"mail","from":"/a","msg":2,"id":"r-2","attempt":2,"to":"/dam/q"})");
    BOOST_TEST_SAME(o.received(q),
                    {R"({"type":"mail","from":"/a","msg":1,"id":"r-1","attempt":1})",
                     R"({"type":"mail","from":"/a","msg":2,"id":"r-2","attempt":2})"});
    BOOST_TEST_SAME(o.received_above(), {signal("ACK-CURRENT-MAIL", R"({"ids":["r-1","r-2"]})")});
    o.from_above(
        R"({"type":"mail","from":"/a","msg":1,"id":"r-1","attempt":2,"receipt":true,"to":"/dam/q"})");
    BOOST_TEST_SAME(o.received(q), {});
    BOOST_TEST_SAME(o.received_above(), {signal("ACK-CURRENT-MAIL", R"({"ids":["r-1"]})")});
    o.mail.delivery.on_ack(q, "r-1");
    o.from_above(R"({"type":"mail","from":"/a","msg":3,"id":"r-3","attempt":1,"to":"/dam/zzz"})");
    BOOST_TEST_SAME(o.received_above(),
                    {signal("MAIL-ACKED", R"({"id":"r-1"})"),
                     signal("MAIL-UNDELIVERABLE", R"({"id":"r-3","reason":"unknown-address"})")});
}

// From a nested supervisor: the mail keeps its id and its sender. A repeat from a later life of it
// is dropped too.
BOOST_AUTO_TEST_CASE(from_below_and_again) {
    router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& dam = o.add("dam", support::supervisor);
    o.mail.delivery.on_ready(a, 9);
    o.sends(
        dam,
        R"({"type":"mail","from":"/dam/q","msg":1,"id":"d-1","attempt":1,"receipt":true,"to":"/a"})");
    BOOST_TEST_SAME(o.received(a),
                    {R"({"type":"mail","from":"/dam/q","msg":1,"id":"d-1","attempt":1})"});
    BOOST_TEST_SAME(o.received(dam), {signal("MAIL-ACCEPTED", R"({"id":"d-1"})")});
    o.end(dam, true);
    o.start(dam);
    o.sends(
        dam,
        R"({"type":"mail","from":"/dam/q","msg":1,"id":"d-1","attempt":2,"receipt":true,"to":"/a"})");
    BOOST_TEST_SAME(o.received(a), {});
    BOOST_TEST_SAME(o.received(dam), {signal("MAIL-ACCEPTED", R"({"id":"d-1"})")});
}

// Mail to the supervisor itself, by `supe`, without an address, or by its own address: accepted and
// acked at once.
BOOST_AUTO_TEST_CASE(to_the_supervisor) {
    router o("/dam", true);
    mail_endpoint& q = o.add("q");
    o.sends(q, R"({"type":"mail","msg":1,"id":"1","receipt":true})");
    o.sends(q, R"({"type":"mail","to":"supe","msg":2})");
    o.sends(q, R"({"type":"mail","to":"/dam","msg":3})");
    o.from_above(R"({"type":"mail","from":"/a","msg":4,"id":"r-1","attempt":1})");
    BOOST_TEST_SAME(o.events, {"supe: q 1", "supe: q 2", "supe: q 3", "supe: /a 4"});
    BOOST_TEST_SAME(o.received(q), {signal("MAIL-ACCEPTED", R"({"id":"1"})"),
                                    signal("MAIL-ACKED", R"({"id":"1"})")});
}

// What is written to a component that does not read is bounded: the rest stays in its mailbox.
BOOST_AUTO_TEST_CASE(silent_reader) {
    router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b", support::component, {.window = 100000});
    o.mail.delivery.on_ready(b, 100000);
    const std::string body(1000, 'x');
    for (int i = 0; i < 5000; ++i) {
        o.sends(a, fmt::format(R"({{"type":"mail","to":"b","msg":"{}"}})", body));
        o.mail.flush();
    }
    BOOST_TEST(b.link->backlog() < (512u << 10));
    BOOST_TEST(b.box.queued() > 3000u);
}

// Instances take turns with one mailbox; mail to `NAME.i` is for that instance; mail of an instance
// is from `NAME.i`.
BOOST_AUTO_TEST_CASE(instances) {
    router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& one = o.add("w");
    one.name = "w.1";
    mail_endpoint& two = o.add_instance(one, 2);
    o.mail.delivery.on_ready(one, 9), o.mail.delivery.on_ready(two, 9);
    for (int i = 0; i < 4; ++i)
        o.sends(a, fmt::format(R"({{"type":"mail","to":"w","msg":{}}})", i));
    BOOST_TEST(o.received(one).size() == 2u);
    BOOST_TEST(o.received(two).size() == 2u);
    o.sends(a, R"({"type":"mail","to":"/w.2","msg":"you"})");
    BOOST_TEST_SAME(o.received(two),
                    {R"({"type":"mail","from":"a","msg":"you","id":"id-5","attempt":1})"});
    BOOST_TEST(o.received(one).empty());
    o.mail.delivery.on_ready(a, 1);
    o.sends(two, R"({"type":"mail","to":"a","msg":1})");
    BOOST_TEST_SAME(o.received(a),
                    {R"({"type":"mail","from":"w.2","msg":1,"id":"id-6","attempt":1})"});
    // One dies: the other one gets its mail, but mail for the dead one alone waits for it.
    o.end(two, false);
    BOOST_TEST(o.received(one).size() == 2u);
    BOOST_TEST(o.events.back() == "waiting: w.2 alone");
    o.remove(two);
    o.mail.flush();
    o.mail.flush();
    BOOST_TEST(o.events.back() == "dead: \"you\" to w.2: removed after 1");
    BOOST_TEST(one.box.in_flight() == 4u);
}

// The sender's own id has a limit, since supervisors keep it until the last answer. A mail with a
// longer one is refused.
BOOST_AUTO_TEST_CASE(long_ids) {
    router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    const std::string longest(supe::id_limit, 'i');
    for (const std::string& id : {longest, longest + "i"})
        o.sends(a, fmt::format(R"({{"type":"mail","to":"b","msg":1,"id":"{}"}})", id));
    const std::string accepted = fmt::format(R"({{"id":"{}"}})", longest);
    const std::string refused = fmt::format(R"({{"id":"{}i","reason":"id-too-long"}})", longest);
    BOOST_TEST_SAME(o.received(a), {signal("MAIL-ACCEPTED", accepted.c_str()),
                                    signal("MAIL-UNDELIVERABLE", refused.c_str())});
    BOOST_TEST(b.box.queued() == 1u);
}

// As many senders may wait for a receipt from behind a nested supervisor as its mailbox holds
// mails. Mail without a receipt is not concerned, and nor is one whose receipt could not be sent,
// for want of an id. A receipt makes room.
BOOST_AUTO_TEST_CASE(receipts_below_are_limited) {
    router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& dam = o.add("dam", support::supervisor, {.count = 2});
    o.mail.delivery.on_ready(dam, 9);
    const auto send = [&](int n, const char* more) {
        o.sends(a, fmt::format(R"({{"type":"mail","to":"/dam/q","msg":1{}}})", more));
        o.mail.delivery.on_ack(dam, fmt::format("id-{}", n));
        return o.received(a);
    };
    const words accepted{signal("MAIL-ACCEPTED", R"({"id":"x"})")};
    const words full{signal("MAIL-UNDELIVERABLE", R"({"id":"x","reason":"mailbox-full"})")};
    BOOST_TEST(send(1, R"(,"receipt":true)") == words{});
    BOOST_TEST(send(2, R"(,"id":"x","receipt":true)") == accepted);
    BOOST_TEST(send(3, R"(,"id":"x","receipt":true)") == accepted);
    BOOST_TEST(send(4, R"(,"id":"x","receipt":true)") == full);
    BOOST_TEST(send(5, R"(,"id":"x")") == accepted);
    o.mail.delivery.on_outcome(dam, supe::signal_kind::mail_acked, "id-2", "");
    BOOST_TEST_SAME(o.received(a), {signal("MAIL-ACKED", R"({"id":"x"})")});
    BOOST_TEST(send(6, R"(,"id":"x","receipt":true)") == accepted);
}

// Mail from the control socket is answered there.
BOOST_AUTO_TEST_CASE(from_the_control_socket) {
    router o;
    mail_endpoint& b = o.add("b");
    o.mail.router.post("/b", "1",
                       {.source = supe::mail_source::control, .id = "c1", .receipt = true});
    o.mail.router.post("/zzz", "1", {.source = supe::mail_source::control, .id = "c2"});
    o.mail.delivery.on_ready(b, 1);
    BOOST_TEST_SAME(o.received(b),
                    {R"({"type":"mail","from":"supe","msg":1,"id":"id-1","attempt":1})"});
    o.mail.delivery.on_ack_oldest(b);
    BOOST_TEST_SAME(o.events,
                    {"control: c1 MAIL-ACCEPTED ", "control: c2 MAIL-UNDELIVERABLE unknown-address",
                     "control: c1 MAIL-ACKED "});
}

BOOST_AUTO_TEST_SUITE_END()
