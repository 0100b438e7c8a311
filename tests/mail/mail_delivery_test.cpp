// From the mailbox to its consumers, and back: cases besides those of mail_router and journal.
#include "tests/support/router_fixture.hpp"

using support::mail_endpoint;
using support::signal;
using support::words;
using box = supe::mailbox;
using fixture = support::router_fixture;

namespace {

std::string delivered(const char* msg, const char* id, int attempt) {
    return fmt::format(R"({{"type":"mail","from":"a","msg":{},"id":"{}","attempt":{}}})", msg, id,
                       attempt);
}
/// Ends its process; true when a mail is dead by this end.
bool ends(fixture& o, mail_endpoint& s, box::ending how) {
    o.mail.delivery.flush();
    o.mail.delivery.on_disconnected(s);
    const bool is_dead_by_it = o.mail.delivery.on_ended(s, how, "it crashed");
    o.mail.flush();
    return is_dead_by_it;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mail_delivery)

// A dead letter that is put again is delivered as new mail: uncharged, and beside other mail. Only
// its attempts go on. Who puts it gets the outcome.
BOOST_AUTO_TEST_CASE(put_again) {
    fixture o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b", support::component, {.attempts = 2});
    o.mail.delivery.on_ready(b, 2);
    supe::envelope letter;
    letter.id = "x-1";
    letter.from = "a";
    letter.msg = "7";
    letter.attempt = 4;
    letter.charges = 2;
    letter.suspect = true;
    letter.origin = {.source = supe::mail_source::control, .id = "1"};
    o.mail.delivery.put_again("nobody", letter);
    o.mail.delivery.put_again("b", letter);
    BOOST_TEST_SAME(o.events,
                    {"control: 1 MAIL-UNDELIVERABLE unknown-address", "control: 1 MAIL-ACCEPTED "});
    o.sends(a, R"({"type":"mail","to":"b","msg":8})");
    BOOST_TEST_SAME(o.received(b), {delivered("7", "x-1", 5), delivered("8", "id-1", 1)});
    o.mail.delivery.on_ack(b, "id-1");
    BOOST_TEST(!ends(o, b, box::ending::charged));
    o.start(b);
    o.mail.delivery.on_ready(b, 2);
    BOOST_TEST_SAME(o.received(b), {delivered("7", "x-1", 6)});
    o.mail.delivery.on_ack(b, "x-1");
    BOOST_TEST_SAME(o.received(a), {});
}

// A letter of a component is none for a supervisor that has its name now, and the other way round.
BOOST_AUTO_TEST_CASE(put_again_where_the_tree_has_changed) {
    fixture o;
    mail_endpoint& component = o.add("c");
    mail_endpoint& below = o.add("s", supe::endpoint_kind::supervisor);
    o.mail.delivery.on_ready(component, 9);
    o.mail.delivery.on_ready(below, 9);
    supe::envelope letter;
    letter.id = "x-1";
    letter.msg = "7";
    letter.origin = {.source = supe::mail_source::control, .id = "1"};
    o.mail.delivery.put_again("s", letter);
    letter.to = "/s/x";
    o.mail.delivery.put_again("c", letter);
    o.mail.flush();
    const std::string refused = "control: 1 MAIL-UNDELIVERABLE unknown-address";
    BOOST_TEST_SAME(o.events, {refused, refused});
    BOOST_TEST_SAME(o.received(component), {});
    BOOST_TEST_SAME(o.received(below), {});
}

// A full mailbox refuses it, also when mail of a sender would be withheld.
BOOST_AUTO_TEST_CASE(put_again_without_capacity) {
    for (const bool block : {false, true}) {
        fixture o;
        mail_endpoint& a = o.add("a");
        mail_endpoint& b = o.add("b", support::component, {.count = 1, .block = block});
        o.sends(a, R"({"type":"mail","to":"b","msg":1})");
        supe::envelope letter;
        letter.id = "x-1";
        letter.origin = {.source = supe::mail_source::control, .id = "1"};
        o.mail.delivery.put_again("b", letter);
        BOOST_TEST_SAME(o.events, {"control: 1 MAIL-UNDELIVERABLE mailbox-full"});
        BOOST_TEST(b.box.queued() == 1u);
        BOOST_TEST(b.box.withheld() == 0u);
    }
}

// Mail that waits for a child that is down is reported: when the mail comes, and when the process
// ends. For a child that is up it is not reported, however much waits.
BOOST_AUTO_TEST_CASE(mail_waits) {
    fixture o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    const auto send = [&] { o.sends(a, R"({"type":"mail","to":"b","msg":1})"); };
    send();
    BOOST_TEST_SAME(o.events, {});
    ends(o, b, box::ending::uncharged);
    BOOST_TEST_SAME(o.events, {"waiting: b"});
    send();
    BOOST_TEST_SAME(o.events, {"waiting: b", "waiting: b"});
    o.events.clear();
    o.start(b);
    o.mail.delivery.on_ready(b, 9);
    o.mail.flush();
    o.mail.delivery.on_ack_oldest(b), o.mail.delivery.on_ack_oldest(b);
    ends(o, b, box::ending::uncharged);
    BOOST_TEST_SAME(o.events, {});
}

// A requeued mail is delivered again at once, at its position and with its attempt raised, without
// an answer to its sender. An unknown id changes nothing.
BOOST_AUTO_TEST_CASE(rejected_and_wanted) {
    fixture o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    for (const char* id : {"1", "2"})
        o.sends(a, fmt::format(R"({{"type":"mail","to":"b","msg":{0},"id":"{0}","receipt":true}})",
                               id));
    o.mail.delivery.on_ready(b, 1);
    o.received(a), o.received(b);
    const auto back = box::rejected::requeued;
    o.mail.delivery.on_reject(b, "id-9", back, "");
    BOOST_TEST_SAME(o.received(b), {});
    o.mail.delivery.on_reject(b, "", back, "not now");
    BOOST_TEST_SAME(o.received(b), {delivered("1", "id-1", 2)});
    o.mail.delivery.on_reject(b, "id-1", box::rejected::dead, "");
    BOOST_TEST_SAME(o.received(b), {delivered("2", "id-2", 1)});
    BOOST_TEST_SAME(o.events, {"dead: 1 to b: rejected after 2"});
    BOOST_TEST_SAME(o.received(a),
                    {signal("MAIL-UNDELIVERABLE", R"({"id":"1","reason":"dead-lettered"})")});
}

// An end reports whether a mail is dead by it: only the last charge makes it dead, and an uncharged
// end never does.
BOOST_AUTO_TEST_CASE(dead_by_an_end) {
    fixture o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b", support::component, {.attempts = 2});
    o.sends(a, R"({"type":"mail","to":"b","msg":1})");
    const auto again = [&](box::ending how) {
        o.mail.delivery.on_ready(b, 1);
        const bool dead = ends(o, b, how);
        o.start(b);
        return dead;
    };
    for (int n = 0; n < 5; ++n) BOOST_TEST(!again(box::ending::uncharged));
    BOOST_TEST(!again(box::ending::charged));
    BOOST_TEST(!again(box::ending::uncharged));
    BOOST_TEST(again(box::ending::charged));
    BOOST_TEST(!again(box::ending::charged));  // no mail is left
}

// Frames of a turn for a process that ends in the same turn are not written to its channel, which
// is about to close. The mail is delivered to the next life.
BOOST_AUTO_TEST_CASE(disconnected) {
    fixture o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    o.mail.delivery.on_ready(b, 1);
    o.sends(a, R"({"type":"mail","to":"b","msg":1})");
    BOOST_TEST(!b.link->out().empty());
    ends(o, b, box::ending::uncharged);
    BOOST_TEST_SAME(o.received(b), {});
    o.start(b);
    o.mail.delivery.on_ready(b, 1);
    BOOST_TEST_SAME(o.received(b), {delivered("1", "id-1", 2)});
}

// A pause keeps mail in its mailbox until the component is ready again, perhaps with another
// window.
BOOST_AUTO_TEST_CASE(paused) {
    fixture o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    o.mail.delivery.on_ready(b, 1);
    o.mail.delivery.on_pause(b);
    for (int n = 0; n < 3; ++n) o.sends(a, R"({"type":"mail","to":"b"})");
    BOOST_TEST_SAME(o.received(b), {});
    o.mail.delivery.on_ready(b, 2);
    BOOST_TEST(o.received(b).size() == 2u);
}

// A component that did not read gets the rest, in order, when it reads again: each turn of its
// channel delivers as much as the socket takes.
BOOST_AUTO_TEST_CASE(reads_again) {
    fixture o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    o.mail.delivery.on_ready(b, 1024);
    const std::string body(1000, 'x');
    for (int i = 0; i < 1000; ++i) {
        o.sends(a, fmt::format(R"({{"type":"mail","to":"b","msg":"{}"}})", body));
        o.mail.flush();
    }
    BOOST_TEST(b.box.queued() > 0u);
    std::string bytes(1 << 16, '\0'), all;
    for (ssize_t n = 1; n > 0;) {
        n = ::recv(o.neighbour_of(b).other.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (n > 0) all.append(bytes, 0, static_cast<std::size_t>(n));
        o.neighbour_of(b).wire->flush();  // as a turn of its channel begins
        o.mail.delivery.changed(*b.destination);
        o.mail.flush();
    }
    int next = 1;
    supe::frame_splitter().feed(all, [&](std::string_view frame) {
        BOOST_REQUIRE(frame.find(fmt::format(R"("id":"id-{}")", next++)) != frame.npos);
    });
    BOOST_TEST(next == 1001);
}

// Mail for the supervisor above goes although as many notices as may wait are unread there. It
// waits where the mail before it is unread too.
BOOST_AUTO_TEST_CASE(above_behind_notices) {
    using upward = supe::channel::upward;
    fixture o("/dam", true);
    mail_endpoint& a = o.add("a");
    std::string& out = o.up.wire->out();
    const std::string msg = '"' + std::string(100'000, 'x') + '"';
    const std::string mail = R"({"type":"mail","to":"/x","msg":)" + msg + "}";
    out = std::string(upward::notices, 'n') + "\n";
    o.sends(a, mail);
    BOOST_TEST((out.find(msg) != std::string::npos));
    for (int n = 0; n < 100; ++n) o.sends(a, mail);
    BOOST_TEST(o.up.wire->backlog() >= upward::mail);
    BOOST_TEST(o.up.wire->backlog() < upward::mail + msg.size() + 1000);
}

// Mail waits for the socket, and for nothing else: where it takes all at once, no turn follows in
// which the rest of the window would be filled.
BOOST_AUTO_TEST_CASE(a_window_of_large_mails) {
    fixture o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    for (int n = 0; n < 9; ++n)
        o.sends(a, R"({"type":"mail","to":"b","msg":")" + std::string(100'000, 'x') + "\"}");
    o.mail.delivery.on_ready(b, 4);
    o.mail.flush();
    BOOST_TEST(b.box.in_flight(b.consumer) == 4u);
}

// A crash puts back what was in flight in one pass over what waits: here fifty thousand behind
// fifty thousand, which took a billion steps.
BOOST_AUTO_TEST_CASE(a_crash_behind_what_waits) {
    fixture o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    constexpr std::size_t most = 50'000;
    for (const std::size_t all : {most, 2 * most}) {
        o.mail.delivery.on_ready(b, 1);
        for (std::size_t n = b.box.queued(); n < all; ++n) {
            o.sends(a, R"({"type":"mail","to":"b","msg":1,"re":"x"})");
            o.received(b);
        }
        BOOST_TEST(b.box.in_flight(b.consumer) >= most);
        ends(o, b, box::ending::charged);
        BOOST_TEST(b.box.queued() == all);
        o.start(b);
    }
}

// A second MAIL-WITHHELD of a hop for the same mail has no effect, nor has a report about mail that
// it does not have.
BOOST_AUTO_TEST_CASE(reported_twice_by_a_hop) {
    fixture o("/dam", true);
    mail_endpoint& deep = o.add("deep", support::supervisor);
    o.mail.delivery.on_ready(deep, 9);
    o.from_above(
        R"({"type":"mail","from":"/a","to":"/dam/deep/x","msg":1,"id":"v","attempt":1,"receipt":true})");
    using kind = supe::signal_kind;
    for (int n = 0; n < 2; ++n) o.mail.delivery.on_outcome(deep, kind::mail_withheld, "v", "");
    for (const kind k :
         {kind::mail_withheld, kind::mail_accepted, kind::mail_acked, kind::mail_undeliverable})
        o.mail.delivery.on_outcome(deep, k, "unknown", "removed");
    BOOST_TEST_SAME(o.received_above(), {signal("MAIL-WITHHELD", R"({"id":"v"})")});
    BOOST_TEST(deep.box.in_flight() == 1u);
    o.mail.delivery.on_ack(deep, "v");
    for (int n = 0; n < 2; ++n) o.mail.delivery.on_outcome(deep, kind::mail_acked, "v", "");
    BOOST_TEST_SAME(o.received_above(), {signal("MAIL-ACKED", R"({"id":"v"})"),
                                         signal("ACK-CURRENT-MAIL", R"({"ids":["v"]})")});
}

// A removed mailbox with much mail is buried in turns of a bounded length, in order, while mail of
// others goes on. Mail to a supervisor that is removed was not accepted: its sender gets the
// answer.
BOOST_AUTO_TEST_CASE(removed_in_turns) {
    constexpr std::size_t most = supe::mail_delivery::burials_per_turn;
    fixture o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    mail_endpoint& deep = o.add("deep", support::supervisor);
    for (std::size_t n = 0; n < most + 10; ++n)
        o.sends(a, fmt::format(R"({{"type":"mail","to":"b","msg":{}}})", n));
    o.sends(a, R"({"type":"mail","to":"deep/x","msg":1,"id":"1"})");
    o.remove(b);
    o.remove(deep);
    BOOST_TEST_SAME(o.events, {});
    o.mail.flush();
    BOOST_TEST(o.events.size() == most);
    BOOST_TEST(o.mail.delivery.has_unfinished());
    o.mail.flush();
    BOOST_TEST(!o.mail.delivery.has_unfinished());
    BOOST_TEST(o.events.size() == most + 10);
    BOOST_TEST(o.events.back() == fmt::format("dead: {} to b: removed after 0", most + 9));
    BOOST_TEST_SAME(o.received(a),
                    {signal("MAIL-UNDELIVERABLE", R"({"id":"1","reason":"removed"})")});
}

// A supervisor that was killed and is removed may have accepted what was in flight: the sender does
// not hear `removed`. What came later was not offered to it.
BOOST_AUTO_TEST_CASE(removed_after_a_kill) {
    for (const bool is_killed : {true, false}) {
        fixture o;
        mail_endpoint& a = o.add("a");
        mail_endpoint& deep = o.add("deep", support::supervisor);
        o.mail.delivery.on_ready(deep, 1);
        for (const char* id : {"1", "2"})
            o.sends(a, fmt::format(R"({{"type":"mail","to":"deep/x","msg":1,"id":"{}"}})", id));
        BOOST_TEST(o.received(deep).size() == 1u);
        o.end(deep, is_killed);
        o.remove(deep);
        const auto answer = [](const char* id, const char* reason) {
            return signal("MAIL-UNDELIVERABLE",
                          fmt::format(R"({{"id":"{}","reason":"{}"}})", id, reason).c_str());
        };
        BOOST_TEST_SAME(o.received(a), {answer("1", is_killed ? "supervisor-died" : "removed"),
                                        answer("2", "removed")});
    }
}

// Until all is buried it is known how many dead letters come.
BOOST_AUTO_TEST_CASE(coming_letters) {
    fixture o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    mail_endpoint& c = o.add("c");
    for (const char* to : {"b", "b", "c"})
        o.sends(a, fmt::format(R"({{"type":"mail","to":"{}","msg":1}})", to));
    const std::size_t bytes = b.box.bytes() + c.box.bytes();
    o.remove(b), o.remove(c);
    BOOST_TEST(o.mail.delivery.coming_letters().mails == 3u);
    BOOST_TEST(o.mail.delivery.coming_letters().bytes == bytes);
    o.mail.flush();
    BOOST_TEST(o.mail.delivery.coming_letters().mails == 0u);
    BOOST_TEST(o.mail.delivery.coming_letters().bytes == 0u);
}

// What its sender keeps is in no file, and its sender gets the answer.
BOOST_AUTO_TEST_CASE(removed_and_kept_by_its_sender) {
    fixture o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    o.sends(a, R"({"type":"mail","to":"b","msg":1,"id":"1","dead_letter":false})");
    o.sends(a, R"({"type":"mail","to":"b","msg":2,"id":"2"})");
    o.received(a);
    auto left = o.mail.take_out(b);
    o.mail.delivery.bury("b", std::move(left), support::component,
                         supe::mail_delivery::remains::are_saved);
    o.mail.flush();
    BOOST_TEST_SAME(o.received(a),
                    {signal("MAIL-UNDELIVERABLE", R"({"id":"1","reason":"removed"})")});
}

// A mail that one instance puts back may start another one.
BOOST_AUTO_TEST_CASE(put_back_for_an_idle_one) {
    fixture o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& one = o.add("w");
    one.name = "w.1";
    mail_endpoint& two = o.add_instance(one, 2);
    o.end(two, false);
    o.mail.delivery.on_ready(one, 9);
    o.sends(a, R"({"type":"mail","to":"w","msg":1})");
    o.mail.flush();
    o.events.clear();
    o.mail.delivery.on_pause(one);
    o.mail.delivery.on_reject(one, "", supe::mailbox::rejected::requeued, "");
    o.mail.flush();
    BOOST_REQUIRE(o.events.size() == 1u);
    BOOST_TEST(o.events[0].starts_with("waiting: w.2"), o.events[0]);
}

// A letter of one instance alone goes to it alone when it is sent again.
BOOST_AUTO_TEST_CASE(put_again_for_one_instance) {
    fixture o;
    mail_endpoint& one = o.add("w");
    one.name = "w.1";
    mail_endpoint& two = o.add_instance(one, 2);
    o.mail.delivery.on_ready(one, 9);
    supe::envelope mail;
    mail.msg = "1";
    o.mail.delivery.put_again("w.2", mail);
    o.mail.flush();
    BOOST_TEST(one.box.queued() == 1u);
    o.mail.delivery.on_ready(two, 9);
    o.mail.flush();
    BOOST_TEST(o.received(two).size() == 1u);
    o.mail.delivery.put_again("w.3", mail);
    BOOST_TEST(o.events.back().starts_with("undeliverable"), o.events.back());
}

// … and of a bounded number of bytes, and one mail more.
BOOST_AUTO_TEST_CASE(removed_large_ones) {
    fixture o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    const std::string large(600'000, 'x');
    for (int n = 0; n < 5; ++n)
        o.sends(a, fmt::format(R"({{"type":"mail","to":"b","msg":"{}"}})", large));
    o.remove(b);
    for (const std::size_t buried : {2u, 4u, 5u}) {
        o.mail.flush();
        BOOST_TEST(o.events.size() == buried);
    }
}

// A turn that an exception ends (want of memory) is not the last one.
BOOST_AUTO_TEST_CASE(goes_on_after_an_exception) {
    fixture o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b");
    mail_endpoint& c = o.add("c");
    o.mail.delivery.on_ready(c, 9);
    o.sends(a, R"({"type":"mail","to":"b","msg":1})");
    o.remove(b);
    o.fails = true;
    BOOST_CHECK_THROW(o.mail.flush(), std::bad_alloc);
    o.fails = false;
    o.sends(a, R"({"type":"mail","to":"c","msg":2})");
    o.mail.flush();
    BOOST_TEST(o.received(c).size() == 1u);
}

// A turn delivers a bounded number of mails, and the next one goes on.
BOOST_AUTO_TEST_CASE(delivered_in_turns) {
    constexpr std::size_t most = supe::mail_delivery::deliveries_per_turn;
    fixture o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b", support::component, {.window = 1u << 20});
    for (std::size_t n = 0; n < most + 1; ++n) o.sends(a, R"({"type":"mail","to":"b"})");
    o.mail.delivery.on_ready(b, 1u << 20);
    o.mail.delivery.flush();
    BOOST_TEST(b.box.in_flight() == most);
    BOOST_TEST(o.mail.delivery.has_unfinished());
    o.mail.delivery.flush();
    BOOST_TEST(b.box.in_flight() == most + 1);
    BOOST_TEST(!o.mail.delivery.has_unfinished());
}

// `"dead_letter":false`: a mail that its component crashes of, or refuses, leaves no dead letter,
// since the sender still has it; the sender gets the outcome.
BOOST_AUTO_TEST_CASE(kept_by_its_sender) {
    fixture o;
    mail_endpoint& a = o.add("a");
    mail_endpoint& b = o.add("b", support::component, {.attempts = 1});
    const auto send = [&](const char* id) {
        o.sends(a, fmt::format(
                       R"({{"type":"mail","to":"b","id":"{}","receipt":true,"dead_letter":false}})",
                       id));
        o.mail.delivery.on_ready(b, 1);
        o.received(b), o.received(a);
    };
    const auto outcome = [](const char* id) {
        return signal("MAIL-UNDELIVERABLE",
                      fmt::format(R"({{"id":"{}","reason":"dead-lettered"}})", id).c_str());
    };
    send("1");
    o.mail.delivery.on_reject(b, "", box::rejected::dead, "no");
    BOOST_TEST_SAME(o.received(a), {outcome("1")});
    send("2");
    BOOST_TEST(ends(o, b, box::ending::charged));
    BOOST_TEST_SAME(o.received(a), {outcome("2")});
    for (const std::string& e : o.events) BOOST_TEST(!e.starts_with("dead"), e);
}

BOOST_AUTO_TEST_SUITE_END()
