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
    o.says(a, R"({"type":"mail","to":"b","msg":{"x" : 1},"id":"1","receipt":true,"k":[2]})");
    BOOST_TEST_SAME(o.heard(a), {signal("MAIL-ACCEPTED", R"({"id":"1"})")});
    BOOST_TEST_SAME(o.heard(b), {});
    o.mail.delivery.on_ready(b, 1);
    BOOST_TEST_SAME(
        o.heard(b),
        {R"({"type":"mail","from":"a","msg":{"x" : 1},"id":"id-1","attempt":1,"k":[2]})"});
    o.mail.delivery.on_ack(b, "id-1");
    BOOST_TEST_SAME(o.heard(a), {signal("MAIL-ACKED", R"({"id":"1"})")});
    // The same by an absolute address; without an id nobody is told anything.
    o.says(a, R"({"type":"mail","to":"/b"})");
    BOOST_TEST_SAME(o.heard(b),
                    {R"({"type":"mail","from":"a","msg":null,"id":"id-2","attempt":1})"});
    o.mail.delivery.on_ack_oldest(b);
    BOOST_TEST_SAME(o.heard(a), {});
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
        o.says(a, fmt::format(R"({{"type":"mail","to":"{}","msg":7,"id":"x"}})", to));
        BOOST_TEST_SAME(o.heard(a),
                        {*why ? signal("MAIL-UNDELIVERABLE",
                                       fmt::format(R"({{"id":"x","reason":"{}"}})", why).c_str())
                              : signal("MAIL-ACCEPTED", R"({"id":"x"})")});
    }
    o.told.clear();
    o.says(a, R"({"type":"mail","to":"nobody","msg":1})");
    o.says(a, R"({"type":"mail","to":"b","msg":2})");
    BOOST_TEST_SAME(o.told, {"undeliverable: 1 unknown-address", "undeliverable: 2 mailbox-full"});
    // Removed: what waited goes to the dead letters; who asked for a receipt is told.
    mail_endpoint& c = o.add("c");
    o.told.clear();
    o.says(a, R"({"type":"mail","to":"c","msg":3,"id":"y","receipt":true})");
    o.says(a, R"({"type":"mail","to":"c","msg":4})");
    o.heard(a);
    o.mail.remove(c);
    BOOST_TEST_SAME(o.told, {"dead: 3 to c: removed after 0", "dead: 4 to c: removed after 0"});
    BOOST_TEST_SAME(o.heard(a), {signal("MAIL-UNDELIVERABLE", R"({"id":"y","reason":"removed"})")});
    o.says(a, R"({"type":"mail","to":"c","id":"z"})");
    BOOST_TEST_SAME(o.heard(a),
                    {signal("MAIL-UNDELIVERABLE", R"({"id":"z","reason":"unknown-address"})")});
    o.mail.delivery.on_ready(b, 1);
}

// Crashes with a mail alone in hand: to the dead letters, `dead-lettered` to who waits; a refusal
// by the recipient too.
BOOST_AUTO_TEST_CASE(dead_lettered) {
    router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    o.says(a, R"({"type":"mail","to":"b","msg":"poison","id":"1","receipt":true})");
    for (int n = 0; n < 3; ++n) {
        o.mail.delivery.on_ready(b, 1);
        o.end(b, true);
        o.start(b);
    }
    BOOST_TEST(o.told.back() ==
               "dead: \"poison\" to b: it crashed, with this mail in flight after 3");
    o.mail.delivery.on_ready(b, 1);
    o.says(a, R"({"type":"mail","to":"b","msg":0,"id":"2","receipt":true})");
    o.mail.delivery.on_reject(b, "id-2", supe::mailbox::rejected::dead, "too old");
    BOOST_TEST(o.told.back() == "dead: 0 to b: rejected: too old after 1");
    BOOST_TEST_SAME(o.heard(a),
                    {signal("MAIL-ACCEPTED", R"({"id":"1"})"),
                     signal("MAIL-UNDELIVERABLE", R"({"id":"1","reason":"dead-lettered"})"),
                     signal("MAIL-ACCEPTED", R"({"id":"2"})"),
                     signal("MAIL-UNDELIVERABLE", R"({"id":"2","reason":"dead-lettered"})")});
}

// An answer never reaches the next life of the sender: it knows nothing of that id.
BOOST_AUTO_TEST_CASE(no_answers_to_the_next_life) {
    router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    o.says(a, R"({"type":"mail","to":"b","msg":0,"id":"1","receipt":true})");
    o.end(a, true);
    o.start(a);
    o.mail.delivery.on_ready(b, 1);
    o.mail.delivery.on_ack_oldest(b);
    BOOST_TEST_SAME(o.heard(a), {});
}

// `block`: MAIL-ACCEPTED comes when there is room, in order; without an id the mail is refused as
// under `reject`.
BOOST_AUTO_TEST_CASE(block_withholds_the_acceptance) {
    router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b", support::component, {.count = 1, .block = true});
    for (const char* id : {"1", "2", "3"})
        o.says(a, fmt::format(R"({{"type":"mail","to":"b","msg":{},"id":"{}"}})", id, id));
    o.says(a, R"({"type":"mail","to":"b","msg":4})");
    BOOST_TEST_SAME(o.heard(a), {signal("MAIL-ACCEPTED", R"({"id":"1"})")});
    BOOST_TEST_SAME(o.told, {"undeliverable: 4 mailbox-full"});
    o.mail.delivery.on_ready(b, 1);
    o.mail.delivery.on_ack(b, "id-1");
    BOOST_TEST_SAME(o.heard(a), {signal("MAIL-ACCEPTED", R"({"id":"2"})")});
    o.mail.remove(b);
    BOOST_TEST_SAME(o.heard(a), {signal("MAIL-UNDELIVERABLE", R"({"id":"3","reason":"removed"})")});
}

// What waits for room in one mailbox further on takes nothing of the window of this hop, and the
// hop before hears of it too.
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
    BOOST_TEST_SAME(o.heard_above(), {signal("MAIL-WITHHELD", R"({"id":"y"})"),
                                      signal("ACK-CURRENT-MAIL", R"({"ids":["x"]})")});
    from_above("/dam/deep/r", "v"), from_above("/dam/deep/s", "w");
    BOOST_TEST(o.heard(deep).size() == 1u);
    o.mail.delivery.on_outcome(deep, supe::signal_kind::mail_withheld, "v", "");
    BOOST_TEST(o.heard(deep).size() == 1u);  // the window is free for the next
    BOOST_TEST_SAME(o.heard_above(), {signal("MAIL-WITHHELD", R"({"id":"v"})")});
    o.mail.delivery.on_ack(deep, "v");
    o.mail.remove(q);
    BOOST_TEST(o.heard_above().size() == 2u);
    // Nor does a supervisor that is down hold up others: what was in hand, what waited behind it,
    // and what comes.
    from_above("/dam/deep/s", "u");
    BOOST_TEST(o.heard_above() == words{});
    o.end(deep, false);
    from_above("/dam/deep/s", "z");
    const auto told = [](const char* name, const char* more) {
        return words{signal(name, fmt::format(R"({{"id":"w"{}}})", more).c_str()),
                     signal(name, fmt::format(R"({{"id":"u"{}}})", more).c_str()),
                     signal(name, fmt::format(R"({{"id":"z"{}}})", more).c_str())};
    };
    BOOST_TEST(o.heard_above() == told("MAIL-WITHHELD", ""));
    // Removed, it leaves nobody waiting for ever.
    o.mail.remove(deep);
    BOOST_TEST(o.heard_above() == told("MAIL-UNDELIVERABLE", R"(,"reason":"removed")"));
    // A child is told nothing: it waits for its MAIL-ACCEPTED.
    mail_endpoint& full = o.add("full", support::component, {.count = 1, .block = true});
    mail_endpoint& a = o.add("a");
    for (const char* id : {"1", "2"})
        o.says(a, fmt::format(R"({{"type":"mail","to":"full","msg":1,"id":"{}"}})", id));
    BOOST_TEST_SAME(o.heard(a), {signal("MAIL-ACCEPTED", R"({"id":"1"})")});
    o.mail.remove(full);
}

// Down through a nested supervisor: it keeps the id, the sender's absolute address and whether
// somebody waits; accepted when the next hop has acked it, acked when that one says so.
BOOST_AUTO_TEST_CASE(down) {
    router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& dam = o.add("dam", support::supervisor);
    o.mail.delivery.on_ready(dam, 9);
    o.says(a, R"({"type":"mail","to":"/dam/q","msg":1,"id":"x","receipt":true})");
    o.says(a, R"({"type":"mail","to":"/dam/q","msg":2,"id":"y"})");
    o.says(a, R"({"type":"mail","to":"/dam/q","msg":3})");
    BOOST_TEST_SAME(o.heard(a), {});
    BOOST_TEST_SAME(
        o.heard(dam),
        {R"({"type":"mail","from":"/a","msg":1,"id":"id-1","attempt":1,"receipt":true,"to":"/dam/q"})",
         R"({"type":"mail","from":"/a","msg":2,"id":"id-2","attempt":1,"receipt":false,"to":"/dam/q"})",
         R"({"type":"mail","from":"/a","msg":3,"id":"id-3","attempt":1,"to":"/dam/q"})"});
    o.mail.delivery.on_ack(dam, "id-1");
    o.mail.delivery.on_outcome(dam, supe::signal_kind::mail_undeliverable, "id-2",
                               "unknown-address");
    o.mail.delivery.on_outcome(dam, supe::signal_kind::mail_undeliverable, "id-3", "mailbox-full");
    o.mail.delivery.on_outcome(dam, supe::signal_kind::mail_acked, "id-1", "");
    BOOST_TEST_SAME(o.heard(a),
                    {signal("MAIL-ACCEPTED", R"({"id":"x"})"),
                     signal("MAIL-UNDELIVERABLE", R"({"id":"y","reason":"unknown-address"})"),
                     signal("MAIL-ACKED", R"({"id":"x"})")});
    BOOST_TEST_SAME(o.told, {"undeliverable: 3 mailbox-full"});
    BOOST_TEST(dam.box.empty());
}

// A nested supervisor dies: what it had not accepted is given to the next one, uncharged; what it
// had accepted is answered with `supervisor-died`, unless it keeps its mail.
BOOST_AUTO_TEST_CASE(death_below) {
    for (const bool keeps : {false, true}) {
        router o;
        mail_endpoint& a = o.add("a");
        mail_endpoint& dam = o.add("dam", support::supervisor, {.attempts = 1});
        dam.keeps_mail = keeps;
        o.mail.delivery.on_ready(dam, 9);
        for (const char* id : {"1", "2"})
            o.says(a, fmt::format(
                          R"({{"type":"mail","to":"/dam/q","msg":{},"id":"{}","receipt":true}})",
                          id, id));
        o.mail.delivery.on_ack(dam, "id-1");
        o.heard(a), o.heard(dam);
        o.end(dam, true);
        BOOST_TEST(o.heard(a) == (keeps
                                      ? words{}
                                      : words{signal("MAIL-UNDELIVERABLE",
                                                     R"({"id":"1","reason":"supervisor-died"})")}));
        o.start(dam);
        o.mail.delivery.on_ready(dam, 9);
        BOOST_TEST_SAME(
            o.heard(dam),
            {R"({"type":"mail","from":"/a","msg":2,"id":"id-2","attempt":2,"receipt":true,"to":"/dam/q"})"});
        o.mail.delivery.on_outcome(dam, supe::signal_kind::mail_acked, "id-1", "");
        BOOST_TEST(o.heard(a).size() == (keeps ? 1u : 0u));
    }
}

// Up: kept, counted and handed on within a window until the supervisor above has accepted it; its
// answers come back.
BOOST_AUTO_TEST_CASE(up) {
    router o("/dam", true);
    mail_endpoint& q = o.add("q");
    o.says(q, R"({"type":"mail","to":"/a","msg":1,"id":"x","receipt":true})");
    o.says(q, R"({"type":"mail","to":"/a","msg":2})");
    o.says(q, R"({"type":"mail","to":"/a","msg":3,"id":"z"})");
    BOOST_TEST_SAME(
        o.heard_above(),
        {R"({"type":"mail","from":"/dam/q","msg":1,"id":"id-1","attempt":1,"receipt":true,"to":"/a"})",
         R"({"type":"mail","from":"/dam/q","msg":2,"id":"id-2","attempt":1,"to":"/a"})",
         R"({"type":"mail","from":"/dam/q","msg":3,"id":"id-3","attempt":1,"receipt":false,"to":"/a"})"});
    BOOST_TEST_SAME(o.heard(q), {});
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
    BOOST_TEST_SAME(o.heard(q),
                    {signal("MAIL-ACCEPTED", R"({"id":"x"})"),
                     signal("MAIL-UNDELIVERABLE", R"({"id":"z","reason":"unknown-address"})"),
                     signal("MAIL-ACKED", R"({"id":"x"})")});
    BOOST_TEST_SAME(o.told, {"undeliverable: 2 mailbox-full"});
    // Two thousand unanswered ones: a window of them is written, the others are kept here.
    for (int i = 0; i < 2000; ++i) o.says(q, R"({"type":"mail","to":"/a","msg":0})");
    BOOST_TEST(o.heard_above().size() == 1024u);
}

// From above: acks are gathered into one signal; what was accepted and comes again is acked again
// and dropped.
BOOST_AUTO_TEST_CASE(from_above_and_again) {
    router o("/dam", true);
    mail_endpoint& q = o.add("q");
    o.mail.delivery.on_ready(q, 9);
    o.from_above(
        R"({"type":"mail","from":"/a","msg":1,"id":"r-1","attempt":1,"receipt":true,"to":"/dam/q"})");
    o.from_above(R"({"type":"mail","from":"/a","msg":2,"id":"r-2","attempt":2,"to":"/dam/q"})");
    BOOST_TEST_SAME(o.heard(q), {R"({"type":"mail","from":"/a","msg":1,"id":"r-1","attempt":1})",
                                 R"({"type":"mail","from":"/a","msg":2,"id":"r-2","attempt":2})"});
    BOOST_TEST_SAME(o.heard_above(), {signal("ACK-CURRENT-MAIL", R"({"ids":["r-1","r-2"]})")});
    o.from_above(
        R"({"type":"mail","from":"/a","msg":1,"id":"r-1","attempt":2,"receipt":true,"to":"/dam/q"})");
    BOOST_TEST_SAME(o.heard(q), {});
    BOOST_TEST_SAME(o.heard_above(), {signal("ACK-CURRENT-MAIL", R"({"ids":["r-1"]})")});
    o.mail.delivery.on_ack(q, "r-1");
    o.from_above(R"({"type":"mail","from":"/a","msg":3,"id":"r-3","attempt":1,"to":"/dam/zzz"})");
    BOOST_TEST_SAME(o.heard_above(),
                    {signal("MAIL-ACKED", R"({"id":"r-1"})"),
                     signal("MAIL-UNDELIVERABLE", R"({"id":"r-3","reason":"unknown-address"})")});
}

// From a nested supervisor: the mail keeps its id and its sender; an id in another life of it is
// dropped too.
BOOST_AUTO_TEST_CASE(from_below_and_again) {
    router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& dam = o.add("dam", support::supervisor);
    o.mail.delivery.on_ready(a, 9);
    o.says(
        dam,
        R"({"type":"mail","from":"/dam/q","msg":1,"id":"d-1","attempt":1,"receipt":true,"to":"/a"})");
    BOOST_TEST_SAME(o.heard(a),
                    {R"({"type":"mail","from":"/dam/q","msg":1,"id":"d-1","attempt":1})"});
    BOOST_TEST_SAME(o.heard(dam), {signal("MAIL-ACCEPTED", R"({"id":"d-1"})")});
    o.end(dam, true);
    o.start(dam);
    o.says(
        dam,
        R"({"type":"mail","from":"/dam/q","msg":1,"id":"d-1","attempt":2,"receipt":true,"to":"/a"})");
    BOOST_TEST_SAME(o.heard(a), {});
    BOOST_TEST_SAME(o.heard(dam), {signal("MAIL-ACCEPTED", R"({"id":"d-1"})")});
}

// Mail to the supervisor itself: for its own child by `supe`, by no address, by its own; accepted
// and acked at once.
BOOST_AUTO_TEST_CASE(to_the_supervisor) {
    router o("/dam", true);
    mail_endpoint& q = o.add("q");
    o.says(q, R"({"type":"mail","msg":1,"id":"1","receipt":true})");
    o.says(q, R"({"type":"mail","to":"supe","msg":2})");
    o.says(q, R"({"type":"mail","to":"/dam","msg":3})");
    o.from_above(R"({"type":"mail","from":"/a","msg":4,"id":"r-1","attempt":1})");
    BOOST_TEST_SAME(o.told, {"supe: q 1", "supe: q 2", "supe: q 3", "supe: /a 4"});
    BOOST_TEST_SAME(o.heard(q), {signal("MAIL-ACCEPTED", R"({"id":"1"})"),
                                 signal("MAIL-ACKED", R"({"id":"1"})")});
}

// A component that does not read is not written to without bound: the rest stays in its mailbox.
BOOST_AUTO_TEST_CASE(silent_reader) {
    router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b", support::component, {.window = 100000});
    o.mail.delivery.on_ready(b, 100000);
    const std::string body(1000, 'x');
    for (int i = 0; i < 5000; ++i) {
        o.says(a, fmt::format(R"({{"type":"mail","to":"b","msg":"{}"}})", body));
        o.mail.flush();
    }
    BOOST_TEST(b.link->backlog() < (512u << 10));
    BOOST_TEST(b.box.queued() > 3000u);
}

// Instances take from one mailbox by turns; one of them by its own name; from one of them comes
// `NAME.i`.
BOOST_AUTO_TEST_CASE(instances) {
    router o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& one = o.add("w");
    one.name = "w.1";
    o.endpoints.push_back(std::make_unique<mail_endpoint>(2, "w.2", "w", one.shared, 1));
    mail_endpoint& two = *o.endpoints.back();
    o.wires.push_back(std::make_unique<support::neighbour>(o.time));
    o.mail.directory.add(two);
    o.start(two);
    o.mail.delivery.on_ready(one, 9), o.mail.delivery.on_ready(two, 9);
    for (int i = 0; i < 4; ++i) o.says(a, fmt::format(R"({{"type":"mail","to":"w","msg":{}}})", i));
    BOOST_TEST(o.heard(one).size() == 2u);
    BOOST_TEST(o.heard(two).size() == 2u);
    o.says(a, R"({"type":"mail","to":"/w.2","msg":"you"})");
    BOOST_TEST_SAME(o.heard(two),
                    {R"({"type":"mail","from":"a","msg":"you","id":"id-5","attempt":1})"});
    BOOST_TEST(o.heard(one).empty());
    o.mail.delivery.on_ready(a, 1);
    o.says(two, R"({"type":"mail","to":"a","msg":1})");
    BOOST_TEST_SAME(o.heard(a),
                    {R"({"type":"mail","from":"w.2","msg":1,"id":"id-6","attempt":1})"});
    // One dies: the other gets what it had, and what was for that one alone waits for it.
    o.end(two, false);
    BOOST_TEST(o.heard(one).size() == 2u);
    BOOST_TEST(o.told.back() == "waiting: w.2");
    o.mail.remove(two);
    BOOST_TEST(o.told.back() == "dead: \"you\" to w: removed after 1");
    BOOST_TEST(one.box.in_flight() == 4u);
}

// From the control socket: answered there.
BOOST_AUTO_TEST_CASE(by_hand) {
    router o;
    mail_endpoint& b = o.add("b");
    o.mail.router.post("/b", "1",
                       {.source = supe::mail_source::control, .id = "c1", .receipt = true});
    o.mail.router.post("/zzz", "1", {.source = supe::mail_source::control, .id = "c2"});
    o.mail.delivery.on_ready(b, 1);
    BOOST_TEST_SAME(o.heard(b),
                    {R"({"type":"mail","from":"supe","msg":1,"id":"id-1","attempt":1})"});
    o.mail.delivery.on_ack_oldest(b);
    BOOST_TEST_SAME(o.told,
                    {"control: c1 MAIL-ACCEPTED ", "control: c2 MAIL-UNDELIVERABLE unknown-address",
                     "control: c1 MAIL-ACKED "});
}

BOOST_AUTO_TEST_SUITE_END()
