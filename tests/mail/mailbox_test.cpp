// Contract §3 for one mailbox, step by step.
#include "supe/mail/mailbox.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

using supe::dead_mail;
using supe::envelope;
using supe::held_mail;
using supe::mailbox_limits;
using box = supe::mailbox;
using offered = supe::mailbox::offered;
using words = std::vector<std::string>;

namespace {

const supe::mail_event crash{{}, "it crashed"};

offered put(box& b, std::string_view id, std::string_view msg = "0") {
    envelope e;
    e.id = id;
    e.msg = msg;
    return b.offer(e);
}

words removed(box& b) {
    words ids;
    for (auto next = b.take_removed(); next.mail; next = b.take_removed())
        ids.emplace_back(next.mail->id());
    return ids;
}

offered put_patient(box& b, std::string_view id) {
    envelope e;
    e.id = id;
    e.msg = "0";
    e.origin.patient = true;
    return b.offer(e);
}

offered put_answer(box& b, std::string_view id) {
    envelope e;
    e.id = id;
    e.answer = true;
    return b.offer(e);
}

std::string shown(const held_mail& m) { return fmt::format("{}/{}", m.id(), m.attempt); }

/// Everything that may be delivered now, as `id/attempt`.
words taken(box& b, box::consumer c = 0) {
    words all;
    while (const held_mail* m = b.take_next(c)) all.push_back(shown(*m));
    return all;
}

std::string acked(box& b, std::string_view id, box::consumer c = 0) {
    const auto m = b.ack(c, id);
    return m ? std::string(m->id()) : "-";
}

words ids(const std::vector<dead_mail>& all) {
    words found;
    for (const dead_mail& d : all) found.emplace_back(d.mail->id());
    return found;
}

words numbered(const char* what, int from, int to) {
    words all;
    for (int i = from; i <= to; ++i) all.push_back(fmt::format("{}{}/1", what, i));
    return all;
}

#define BOOST_TEST_SAME(a, ...) \
    BOOST_TEST((a) == (words __VA_ARGS__), boost::test_tools::per_element())

}  // namespace

BOOST_AUTO_TEST_SUITE(mailbox)

// Nothing is delivered before READY; then one mail at a time, in order of arrival.
BOOST_AUTO_TEST_CASE(one_at_a_time_by_default) {
    box b(mailbox_limits{});
    for (const char* id : {"a", "b", "c"}) put(b, id);
    b.connected(0);
    BOOST_TEST_SAME(taken(b), {});
    b.ready(0, 1);
    BOOST_TEST_SAME(taken(b), {"a/1"});
    BOOST_TEST(acked(b, "a") == "a");
    BOOST_TEST_SAME(taken(b), {"b/1"});
    BOOST_TEST(b.queued() == 1u);
    BOOST_TEST(b.in_flight() == 1u);
    BOOST_TEST(b.ack_oldest(0)->id() == "b");
    BOOST_TEST_SAME(taken(b), {"c/1"});
}

// The window is as requested, at most the limit. Each ack, in any order, frees one position in it;
// unknown ids change nothing.
BOOST_AUTO_TEST_CASE(windows_and_acks_in_any_order) {
    box b(mailbox_limits{.window = 4});
    for (int i = 1; i <= 9; ++i) put(b, fmt::format("m{}", i));
    b.ready(0, 1000);
    BOOST_TEST(taken(b) == numbered("m", 1, 4), boost::test_tools::per_element());
    BOOST_TEST(acked(b, "m3") == "m3");
    BOOST_TEST(acked(b, "m3") == "-");
    BOOST_TEST(acked(b, "m9") == "-");
    BOOST_TEST_SAME(taken(b), {"m5/1"});
    BOOST_TEST(acked(b, "m1") == "m1");
    BOOST_TEST(b.ack_oldest(0)->id() == "m2");
    BOOST_TEST_SAME(taken(b), {"m6/1", "m7/1"});
    b.ready(0, 0);
    for (const char* id : {"m4", "m5", "m6"}) acked(b, id);
    BOOST_TEST_SAME(taken(b), {});
    acked(b, "m7");
    BOOST_TEST_SAME(taken(b), {"m8/1"});
}

// A pause leaves mail in flight, and delivers no more.
BOOST_AUTO_TEST_CASE(pause_and_resume) {
    box b(mailbox_limits{});
    put(b, "a"), put(b, "b");
    b.ready(0, 1);
    BOOST_TEST_SAME(taken(b), {"a/1"});
    b.pause(0);
    BOOST_TEST(acked(b, "a") == "a");
    BOOST_TEST_SAME(taken(b), {});
    b.ready(0, 1);
    BOOST_TEST_SAME(taken(b), {"b/1"});
}

// Mail in flight at an end goes back to its position, before fresh mail, in order, with its attempt
// raised; an end that is no crash does not charge it.
BOOST_AUTO_TEST_CASE(redelivered_in_order_before_fresh_mail) {
    box b(mailbox_limits{});
    for (const char* id : {"a", "b", "c", "d"}) put(b, id);
    b.ready(0, 3);
    BOOST_TEST_SAME(taken(b), {"a/1", "b/1", "c/1"});
    acked(b, "b");
    for (int stop = 0; stop < 5; ++stop) {
        BOOST_TEST(b.ended(0, box::ending::uncharged, {{}, "stopped"}).dead.empty());
        BOOST_TEST(b.in_flight() == 0u);
        b.ready(0, 3);
        BOOST_TEST_SAME(taken(b), {fmt::format("a/{}", stop + 2), fmt::format("c/{}", stop + 2),
                                   fmt::format("d/{}", stop + 1)});
    }
}

// A rejected mail goes back to its position, or out with the reason; an empty id means the oldest
// in flight.
BOOST_AUTO_TEST_CASE(reject) {
    box b(mailbox_limits{});
    for (const char* id : {"a", "b", "c"}) put(b, id);
    b.ready(0, 2);
    taken(b);
    BOOST_TEST(b.reject(0, "b", box::rejected::requeued, {{}, "later"}).back->id() == "b");
    BOOST_TEST_SAME(taken(b), {"b/2"});
    auto out = b.reject(0, "b", box::rejected::dead, {{}, "never"}).dead;
    BOOST_TEST(out.mail->id() == "b");
    BOOST_TEST(out.reason == "never");
    BOOST_TEST(out.history.size() == 2u);
    BOOST_TEST(out.history.front().what == "later");
    BOOST_TEST(b.reject(0, "", box::rejected::dead, {{}, "no"}).dead.mail->id() == "a");
    BOOST_TEST(!b.reject(0, "zzz", box::rejected::dead, {{}, "no"}).dead.mail);
    BOOST_TEST_SAME(taken(b), {"c/1"});
}

// A mail that is alone in flight at each of three crashes is dead at the third, with its history; a
// stop in between charges nothing.
BOOST_AUTO_TEST_CASE(poison_alone) {
    box b(mailbox_limits{});
    put(b, "poison"), put(b, "good");
    for (int n = 1; n <= 3; ++n) {
        b.ready(0, 1);
        BOOST_TEST(taken(b).size() == 1u);
        const auto after = b.ended(0, box::ending::charged, crash);
        BOOST_TEST(ids(after.dead) == (n == 3 ? words{"poison"} : words{}));
        if (n == 3) BOOST_TEST(after.dead[0].history.size() == 4u);
        if (n != 1) continue;
        b.ready(0, 1);
        BOOST_TEST_SAME(taken(b), {"poison/2"});
        b.ended(0, box::ending::uncharged, {{}, "stopped"});
    }
    b.ready(0, 1);
    BOOST_TEST_SAME(taken(b), {"good/1"});
}

// Of several mails in flight at a crash no mail is charged. From then on they are delivered one at
// a time, with no fresh mail beside them.
BOOST_AUTO_TEST_CASE(suspects_one_at_a_time) {
    box b(mailbox_limits{.attempts = 2});
    for (const char* id : {"a", "poison", "c", "fresh", "fresher"}) put(b, id);
    b.ready(0, 3);
    BOOST_TEST(taken(b).size() == 3u);
    BOOST_TEST(b.ended(0, box::ending::charged, crash).dead.empty());
    b.ready(0, 3);
    BOOST_TEST_SAME(taken(b), {"a/2"});
    acked(b, "a");
    for (int n = 2; n <= 3; ++n) {
        BOOST_TEST_SAME(taken(b), {fmt::format("poison/{}", n)});
        BOOST_TEST(ids(b.ended(0, box::ending::charged, crash).dead) ==
                   (n == 3 ? words{"poison"} : words{}));
        b.ready(0, 3);
    }
    BOOST_TEST_SAME(taken(b), {"c/2"});
    acked(b, "c");
    BOOST_TEST_SAME(taken(b), {"fresh/1", "fresher/1"});
}

// Answers pass pause and window, because a component that waits for one can take no other mail
// before it. After an end they are delivered again, like all mail. A mail beside answers still
// counts as alone in flight.
BOOST_AUTO_TEST_CASE(answers) {
    box b(mailbox_limits{.attempts = 2});
    put(b, "m"), put(b, "n");
    put_answer(b, "r");
    BOOST_TEST_SAME(taken(b), {});
    b.connected(0);
    BOOST_TEST_SAME(taken(b), {"r/1"});
    b.ready(0, 1);
    BOOST_TEST_SAME(taken(b), {"m/1"});
    put_answer(b, "s");
    BOOST_TEST_SAME(taken(b), {"s/1"});
    acked(b, "r");
    BOOST_TEST(b.ended(0, box::ending::charged, crash).dead.empty());
    b.connected(0);
    b.ready(0, 1);
    BOOST_TEST_SAME(taken(b), {"s/2", "m/2"});
    BOOST_TEST(ids(b.ended(0, box::ending::charged, crash).dead) == words{"m"});
}

// … also those that an earlier life held: they take nothing of the window, then or later.
BOOST_AUTO_TEST_CASE(restored_answers) {
    box b(mailbox_limits{});
    envelope r;
    r.id = "r";
    r.answer = true;
    r.sequence = 1;
    b.restore(r, box::anyone, {});
    put(b, "m"), put(b, "n");
    b.connected(0);
    b.ready(0, 1);
    BOOST_TEST_SAME(taken(b), {"r/1", "m/1"});
    acked(b, "r"), acked(b, "m");
    BOOST_TEST_SAME(taken(b), {"n/1"});
}

// … and past the limits, up to as many again: a full mailbox is emptied by who waits for the
// answer. A flood of them is refused.
BOOST_AUTO_TEST_CASE(answers_pass_the_limits) {
    for (const bool block : {false, true}) {
        box b(mailbox_limits{.count = 2, .block = block});
        put(b, "a"), put(b, "b");
        if (block) BOOST_TEST((put_patient(b, "c") == offered::withheld));
        BOOST_TEST((put_answer(b, "r") == offered::taken));
        BOOST_TEST((put_answer(b, "s") == offered::taken));
        BOOST_TEST((put_answer(b, "t") == offered::full));
        b.connected(0);
        BOOST_TEST_SAME(taken(b), {"r/1", "s/1"});
    }
}

// Mail that the next hop has no capacity for leaves the window free for other mail, and is
// acknowledged or delivered again like any mail.
BOOST_AUTO_TEST_CASE(parked) {
    box b(mailbox_limits{});
    for (const char* id : {"a", "b", "c", "d"}) put(b, id);
    b.ready(0, 2);
    BOOST_TEST_SAME(taken(b), {"a/1", "b/1"});
    BOOST_TEST(b.park(0, "a")->id() == "a");
    BOOST_TEST(!b.park(0, "a"));  // it is parked already
    BOOST_TEST(!b.park(0, "c"));
    BOOST_TEST_SAME(taken(b), {"c/1"});
    BOOST_TEST(acked(b, "a") == "a");
    BOOST_TEST_SAME(taken(b), {});
    BOOST_TEST(acked(b, "b") == "b");
    BOOST_TEST_SAME(taken(b), {"d/1"});
    b.park(0, "d");
    b.ended(0, box::ending::uncharged, crash);
    b.ready(0, 2);
    BOOST_TEST_SAME(taken(b), {"c/2", "d/2"});
    BOOST_TEST(b.park(0, "c")->id() == "c");
}

// … and does not count in the limits either: mail for others passes a full mailbox.
BOOST_AUTO_TEST_CASE(parked_beside_the_limits) {
    box b(mailbox_limits{.count = 2, .bytes = 100});
    b.ready(0, 2);
    put(b, "a", std::string(90, '1'));
    taken(b);
    b.park(0, "a");
    BOOST_TEST(b.bytes() == 0u);
    BOOST_TEST(!b.empty());
    BOOST_TEST((put(b, "b", std::string(90, '1')) == offered::taken));
    BOOST_TEST(b.queued() == 1u);
    b.ended(0, box::ending::uncharged, crash);
    BOOST_TEST(b.queued() == 2u);
    BOOST_TEST(b.bytes() > 180u);
    b.ready(0, 2);
    taken(b);
    acked(b, "a"), acked(b, "b");
    BOOST_TEST(b.empty());
    BOOST_TEST(b.bytes() == 0u);
}

// Full by count and by bytes; mail in flight counts too; an empty mailbox takes any single mail.
BOOST_AUTO_TEST_CASE(limits_hold) {
    box b(mailbox_limits{.count = 2, .bytes = 100});
    const std::string big(500, '1');
    BOOST_TEST((put(b, "huge", big) == offered::taken));
    BOOST_TEST((put(b, "a") == offered::full));
    b.ready(0, 1);
    taken(b);
    BOOST_TEST((put(b, "a") == offered::full));
    acked(b, "huge");
    BOOST_TEST(b.bytes() == 0u);
    BOOST_TEST((put(b, "a") == offered::taken));
    BOOST_TEST((put(b, "b") == offered::taken));
    BOOST_TEST((put(b, "c") == offered::full));
    BOOST_TEST((put_patient(b, "c") == offered::full));
}

// `block`: mail of a patient sender is withheld, and admitted when there is capacity, in order; no
// mail overtakes it.
BOOST_AUTO_TEST_CASE(block_withholds) {
    box b(mailbox_limits{.count = 2, .block = true});
    put(b, "a"), put(b, "b");
    BOOST_TEST((put_patient(b, "c") == offered::withheld));
    BOOST_TEST((put_patient(b, "d") == offered::withheld));
    BOOST_TEST((put(b, "e") == offered::full));
    BOOST_TEST(!b.admit());
    b.ready(0, 1);
    taken(b);
    acked(b, "a");
    BOOST_TEST((put(b, "f") == offered::full));
    BOOST_TEST(b.admit()->id() == "c");
    BOOST_TEST(!b.admit());
    BOOST_TEST(b.withheld() == 1u);
    BOOST_TEST_SAME(taken(b), {"b/1"});
    acked(b, "b");
    BOOST_TEST(b.admit()->id() == "d");
    BOOST_TEST_SAME(taken(b), {"c/1"});
}

// … and withheld mail is bounded too: a flood of patient senders is refused in the end.
BOOST_AUTO_TEST_CASE(block_is_bounded) {
    box b(mailbox_limits{.count = 1, .block = true});
    put(b, "a");
    std::size_t withheld = 0;
    while (put_patient(b, fmt::format("m{}", withheld)) == offered::withheld) ++withheld;
    BOOST_TEST(withheld == 1024u);
    b.remove();
    BOOST_TEST(removed(b).size() == 1025u);
    BOOST_TEST(b.withheld() == 0u);
}

// Uncommitted mail counts, but is delivered only after its commit; a mail whose commit fails comes
// out.
BOOST_AUTO_TEST_CASE(waits_for_its_commit) {
    box b(mailbox_limits{.count = 3});
    b.ready(0, 9);
    envelope e;
    for (const char* id : {"a", "b", "c"}) {
        e.id = id;
        BOOST_TEST((b.offer(e, box::anyone, box::entry::uncommitted) == offered::taken));
    }
    BOOST_TEST((put(b, "d") == offered::full));
    BOOST_TEST_SAME(taken(b), {});
    BOOST_TEST(b.commit()->id() == "a");
    BOOST_TEST_SAME(taken(b), {"a/1"});
    BOOST_TEST(b.fail_uncommitted()->id() == "b");
    BOOST_TEST(b.commit()->id() == "c");
    BOOST_TEST(!b.commit());
    BOOST_TEST(!b.fail_uncommitted());
    BOOST_TEST_SAME(taken(b), {"c/1"});
    BOOST_TEST(b.in_flight() == 2u);
}

// Several consumers share the queue. Each has its own mail in flight, and the end of one puts back
// only its own.
BOOST_AUTO_TEST_CASE(several_consumers) {
    box b(mailbox_limits{});
    b.add_consumers(2);
    for (int i = 1; i <= 6; ++i) put(b, fmt::format("m{}", i));
    b.ready(0, 2), b.ready(1, 1);
    BOOST_TEST_SAME(taken(b, 0), {"m1/1", "m2/1"});
    BOOST_TEST_SAME(taken(b, 1), {"m3/1"});
    BOOST_TEST(acked(b, "m1", 1) == "-");
    BOOST_TEST(b.in_flight() == 3u);
    b.ended(0, box::ending::charged, crash);
    BOOST_TEST(acked(b, "m3", 1) == "m3");
    BOOST_TEST_SAME(taken(b, 1), {"m1/2"});
    acked(b, "m1", 1);
    BOOST_TEST_SAME(taken(b, 1), {"m2/2"});
    b.ready(0, 1);
    BOOST_TEST_SAME(taken(b, 0), {"m4/1"});
}

// Mail for one consumer alone reaches only that one, in order with the shared mail; its answers
// too.
BOOST_AUTO_TEST_CASE(meant_for_one) {
    box b(mailbox_limits{});
    b.add_consumers(2);
    envelope e;
    e.id = "own";
    put(b, "a");
    b.offer(e, 1);
    put(b, "b");
    e.id = "answer";
    e.answer = true;
    b.offer(e, 1);
    b.connected(0), b.connected(1);
    b.ready(0, 9);
    BOOST_TEST_SAME(taken(b, 0), {"a/1", "b/1"});
    b.ready(1, 9);
    BOOST_TEST_SAME(taken(b, 1), {"answer/1", "own/1"});
}

// A reader with pauses sees each mail once that was there when it began and is still there when its
// turn comes, whatever comes, leaves, or goes back to its position meanwhile.
BOOST_AUTO_TEST_CASE(read_with_pauses) {
    box b(mailbox_limits{});
    b.add_consumers(2);
    for (const char* id : {"a", "b", "c", "d", "e"}) put(b, id);
    envelope own;
    own.id = "own";
    b.offer(own, 1);
    b.ready(0, 9);
    const held_mail* const first = b.take_next(0);  // in flight: it does not wait
    BOOST_TEST(first->id() == "a");
    auto at = b.begin_reading();
    const auto next = [&] {
        const held_mail* const m = b.read_next(at);
        return m ? std::string(m->id()) : "-";
    };
    BOOST_TEST(next() == "own");
    BOOST_TEST(next() == "b");
    put(b, "late");
    BOOST_TEST(b.take_next(0)->id() == "b");
    BOOST_TEST(b.take_next(0)->id() == "c");
    BOOST_TEST(acked(b, "c") == "c");
    BOOST_TEST(next() == "d");
    b.ended(0, box::ending::uncharged, {});  // a and b are back, before d
    BOOST_TEST(next() == "e");
    BOOST_TEST(next() == "-");
    BOOST_TEST(b.queued() == 6u);
}

BOOST_AUTO_TEST_SUITE_END()
