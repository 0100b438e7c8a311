// What becomes of the mail of a recipient, or of one of its instances, that is removed.
#include "supe/mail/mailbox.hpp"

#include <malloc.h>
#include <boost/test/unit_test.hpp>

using supe::envelope;
using supe::mailbox_limits;
using box = supe::mailbox;
using offered = supe::mailbox::offered;
using words = std::vector<std::string>;

namespace {

words ids_of_removed(box& b) {
    words ids;
    for (auto next = b.take_removed(); next.mail; next = b.take_removed())
        ids.emplace_back(next.mail->id());
    return ids;
}

words ids_taken(box& b, box::consumer c = 0) {
    words all;
    while (const supe::held_mail* m = b.take_next(c)) all.emplace_back(m->id());
    return all;
}

envelope named(const char* id, bool answer = false) {
    envelope e;
    e.id = id;
    e.msg = "0";
    e.answer = answer;
    return e;
}

/// Bytes.
std::size_t memory_in_use() {
    const auto info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
}

#define BOOST_TEST_WORDS(a, ...) \
    BOOST_TEST((a) == (words __VA_ARGS__), boost::test_tools::per_element())

}  // namespace

BOOST_AUTO_TEST_SUITE(mailbox_removal)

// What only a removed consumer may get leaves the mailbox, with its history; the rest stays.
BOOST_AUTO_TEST_CASE(of_one_consumer) {
    box b(mailbox_limits{});
    b.add_consumers(2);
    b.offer(named("a"));
    b.offer(named("own"), 1);
    b.offer(named("answer", true), 1);
    b.connected(1), b.ready(1, 1);
    BOOST_TEST_WORDS(ids_taken(b, 1), {"answer", "a"});
    b.ended(1, box::ending::uncharged, {{}, "stopped"});
    const std::size_t bytes = b.bytes();
    const auto left = b.split_off(1);
    BOOST_TEST(left->queued() == 2u);
    BOOST_TEST((left->bytes() > 0u && left->bytes() + b.bytes() == bytes));
    const auto answer = left->take_removed();
    BOOST_TEST(answer.mail->id() == "answer");
    BOOST_TEST(answer.accepted);
    BOOST_TEST(answer.history.front().what == "stopped");
    BOOST_TEST_WORDS(ids_of_removed(*left), {"own"});
    b.ready(0, 9);
    BOOST_TEST_WORDS(ids_taken(b, 0), {"a"});
    BOOST_TEST(b.queued() == 0u);
}

// What is split off takes the memory of one consumer, however high its number is. Its mail is still
// for that one.
BOOST_AUTO_TEST_CASE(of_the_last_of_many) {
    constexpr box::consumer last = 9999;
    box b(mailbox_limits{});
    b.add_consumers(last + 1);
    b.offer(named("own"), last);
    b.offer(named("answer", true), last);
    const std::size_t before = memory_in_use();
    const auto left = b.split_off(last);
    BOOST_TEST(memory_in_use() <= before + 16384);
    BOOST_TEST(b.empty());
    auto at = left->begin_reading();
    BOOST_TEST(supe::recipient_name("w", *left->read_next(at)) == "w");
    BOOST_TEST(supe::recipient_name("w", *left->read_next(at)) == "w.10000");
    BOOST_TEST(!left->read_next(at));
    BOOST_TEST_WORDS(ids_of_removed(*left), {"answer", "own"});
    BOOST_TEST(left->empty());
    BOOST_TEST(left->bytes() == 0u);
}

// An answer that is for none of them goes to the first that is there.
BOOST_AUTO_TEST_CASE(an_answer_where_the_first_is_removed) {
    box b(mailbox_limits{});
    b.add_consumers(2);
    b.split_off(0);
    b.connected(1);
    b.offer(named("a", true));
    BOOST_TEST_WORDS(ids_taken(b, 1), {"a"});
}

// What was withheld for a removed consumer was not accepted, and what was being written has no
// consumer. The next one of that number begins anew.
BOOST_AUTO_TEST_CASE(late_for_a_removed_consumer) {
    box b(mailbox_limits{.count = 1, .block = true});
    b.add_consumers(2);
    b.offer(named("late"), 1, box::entry::uncommitted);
    envelope patient = named("withheld");
    patient.origin.patient = true;
    BOOST_TEST((b.offer(patient, 1) == offered::withheld));
    patient.id = "of others";
    BOOST_TEST((b.offer(patient) == offered::withheld));
    BOOST_TEST(b.uncommitted_has_consumer());
    const auto left = b.split_off(1);
    BOOST_TEST(!left->take_removed().mail);
    BOOST_TEST(b.refuse_withheld()->id() == "withheld");
    BOOST_TEST(!b.refuse_withheld());
    BOOST_TEST(!b.uncommitted_has_consumer());
    BOOST_TEST(b.fail_uncommitted()->id() == "late");
    BOOST_TEST(b.admit()->id() == "of others");
    b.ready(0, 9);
    BOOST_TEST_WORDS(ids_taken(b, 0), {"of others"});
    b.ack(0, "of others");
    BOOST_TEST(b.empty());
    b.add_consumers(2);
    b.offer(named("new"), 1);
    b.ready(1, 9);
    BOOST_TEST_WORDS(ids_taken(b, 1), {"new"});
}

// All mail of a removed recipient comes out, one by one: what was not accepted first, then the rest
// in order.
BOOST_AUTO_TEST_CASE(of_the_removed) {
    box b(mailbox_limits{});
    for (const char* id : {"a", "b", "c", "d"}) b.offer(named(id));
    b.ready(0, 2);
    ids_taken(b);
    words seen;
    b.for_each([&](const supe::held_mail& m) { seen.emplace_back(m.id()); });
    BOOST_TEST_WORDS(seen, {"a", "b", "c", "d"});
    b.offer(named("not written"), box::anyone, box::entry::uncommitted);
    b.remove();
    const auto first = b.take_removed();
    BOOST_TEST(first.mail->id() == "not written");
    BOOST_TEST(!first.accepted);
    BOOST_TEST_WORDS(ids_of_removed(b), {"a", "b", "c", "d"});
    BOOST_TEST(b.empty());
    BOOST_TEST(b.bytes() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
