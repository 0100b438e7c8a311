// The answers to senders, and where they go (contract §2).
#include "tests/support/router_fixture.hpp"

using support::mail_endpoint;
using support::signal;
using support::words;
using fixture = support::router_fixture;

namespace {

supe::mail_origin from(const mail_endpoint& sender, std::string_view id) {
    return {
        .source = supe::mail_source::child, .child = sender.number, .life = sender.life, .id = id};
}
supe::mail_origin from_above(std::string_view id) {
    return {.source = supe::mail_source::uplink, .id = id};
}
supe::mail_origin from_control(std::string_view id) {
    return {.source = supe::mail_source::control, .id = id};
}
supe::envelope mail_of(const supe::mail_origin& origin) {
    supe::envelope mail;
    mail.msg = "7";
    mail.origin = origin;
    return mail;
}
/// True when this id was accepted from the hop.
bool remembers(const mail_endpoint& hop, std::string_view id) {
    supe::envelope again;
    again.id = id;
    again.attempt = 1;
    return hop.hop->is_repeat(again);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sender_answers)

// A child gets each answer with its own id and the reason, both as JSON strings.
BOOST_AUTO_TEST_CASE(to_a_child) {
    fixture o;
    mail_endpoint& a = o.add("a");
    o.mail.answers.accepted(from(a, "1"));
    o.mail.answers.acked(from(a, "2"));
    o.mail.answers.undeliverable(from(a, "3\""), "mailbox-full");
    BOOST_TEST_SAME(
        o.received(a),
        {signal("MAIL-ACCEPTED", R"({"id":"1"})"), signal("MAIL-ACKED", R"({"id":"2"})"),
         signal("MAIL-UNDELIVERABLE", R"({"id":"3\"","reason":"mailbox-full"})")});
}

// There is no answer to a sender that wants no answer, is down, was removed, or is in a later life.
BOOST_AUTO_TEST_CASE(to_nobody) {
    fixture o("/dam", true);
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    mail_endpoint& c = o.add("c");
    const auto before = from(a, "1"), of_b = from(b, "1"), of_c = from(c, "1");
    o.end(a, false);
    o.start(a);
    o.end(b, false);
    o.remove(c);
    o.events.clear();
    for (const auto& origin : {before, of_b, of_c, from(a, ""), from_above(""), from_control(""),
                               supe::mail_origin{.id = "1"}}) {
        o.mail.answers.accepted(origin);
        o.mail.answers.acked(origin);
        o.mail.answers.undeliverable(origin, "removed");
        o.mail.answers.withheld(origin);
    }
    for (const mail_endpoint* s : {&a, &b, &c}) BOOST_TEST_SAME(o.received(*s), {});
    BOOST_TEST_SAME(o.received_above(), {});
    BOOST_TEST_SAME(o.events, {});
}

// To our own supervisor an acceptance is an ack of the mail that it passed on: all acks of a turn
// are one signal. Other answers are sent as they are.
BOOST_AUTO_TEST_CASE(to_the_supervisor_above) {
    fixture o("/dam", true);
    o.mail.answers.accepted(from_above("1"));
    o.mail.answers.accepted(from_above("2\""));
    BOOST_TEST(o.up.wire->out().empty());
    BOOST_TEST_SAME(o.received_above(), {signal("ACK-CURRENT-MAIL", R"({"ids":["1","2\""]})")});
    BOOST_TEST_SAME(o.received_above(), {});  // once
    o.mail.answers.acked(from_above("1"));
    o.mail.answers.undeliverable(from_above("3"), "unknown-address");
    o.mail.answers.withheld(from_above("4"));
    BOOST_TEST_SAME(o.received_above(),
                    {signal("MAIL-ACKED", R"({"id":"1"})"),
                     signal("MAIL-UNDELIVERABLE", R"({"id":"3","reason":"unknown-address"})"),
                     signal("MAIL-WITHHELD", R"({"id":"4"})")});
    // Without a supervisor above nothing happens.
    fixture root;
    root.mail.answers.accepted(from_above("1"));
    root.mail.answers.acked(from_above("1"));
    root.mail.flush();
}

// Mail that was accepted from a supervisor is remembered, so that a repeat is recognized, also
// after the process of a nested one has died. Refused mail is not remembered.
BOOST_AUTO_TEST_CASE(accepted_from_a_hop) {
    fixture o("/dam", true);
    mail_endpoint& deep = o.add("deep", support::supervisor);
    const auto earlier = from(deep, "1");
    o.end(deep, false);
    o.mail.answers.accepted(earlier);
    o.mail.answers.undeliverable(from(deep, "2"), "mailbox-full");
    BOOST_TEST(remembers(deep, "1"));
    BOOST_TEST(!remembers(deep, "2"));
    o.mail.answers.accepted(from_above("3"));
    o.mail.answers.undeliverable(from_above("4"), "mailbox-full");
    BOOST_TEST(remembers(*o.mail.directory.uplink(), "3"));
    BOOST_TEST(!remembers(*o.mail.directory.uplink(), "4"));
}

// MAIL-WITHHELD goes to supervisors alone: a child waits for its MAIL-ACCEPTED.
BOOST_AUTO_TEST_CASE(withheld) {
    fixture o("/dam", true);
    mail_endpoint& a = o.add("a");
    mail_endpoint& deep = o.add("deep", support::supervisor);
    for (const mail_endpoint* s : {&a, &deep}) o.mail.answers.withheld(from(*s, "1"));
    o.mail.answers.withheld(from_control("1"));
    BOOST_TEST_SAME(o.received(a), {});
    BOOST_TEST_SAME(o.received(deep), {signal("MAIL-WITHHELD", R"({"id":"1"})")});
    BOOST_TEST_SAME(o.events, {});
}

// Answers for the control socket go through the supervisor.
BOOST_AUTO_TEST_CASE(to_the_control_socket) {
    fixture o;
    o.mail.answers.accepted(from_control("c"));
    o.mail.answers.send(from_control("c"), supe::signal_kind::mail_undeliverable, "removed");
    BOOST_TEST_SAME(o.events,
                    {"control: c MAIL-ACCEPTED ", "control: c MAIL-UNDELIVERABLE removed"});
}

// A refusal is never silent: a notice replaces the answer when the sender wants no answer.
BOOST_AUTO_TEST_CASE(refused) {
    fixture o;
    mail_endpoint& a = o.add("a");
    o.mail.answers.refuse(mail_of(from(a, "1")), "mailbox-full");
    BOOST_TEST_SAME(o.events, {});
    o.mail.answers.refuse(mail_of(from(a, "")), "removed");
    o.mail.answers.refuse(mail_of({}), "removed");
    BOOST_TEST_SAME(o.events, {"undeliverable: 7 removed", "undeliverable: 7 removed"});
    BOOST_TEST_SAME(o.received(a),
                    {signal("MAIL-UNDELIVERABLE", R"({"id":"1","reason":"mailbox-full"})")});
}

BOOST_AUTO_TEST_SUITE_END()
