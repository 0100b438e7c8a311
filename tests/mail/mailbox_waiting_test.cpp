// Which mail of a mailbox waits for which of its consumers: what starts them, and whether a life
// left what it was started for.
#include "supe/mail/mailbox.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using box = supe::mailbox;
enum class kind { mail, answer };

void put(box& b, std::string_view id, box::consumer meant_for = box::anyone,
         kind what = kind::mail) {
    supe::envelope e;
    e.id = id;
    e.msg = "0";
    e.answer = what == kind::answer;
    b.offer(e, meant_for);
}

struct with_two_consumers : box {
    with_two_consumers() : box(supe::mailbox_limits{}) { add_consumers(2); }
};

void crash(box& b, box::consumer c) { b.ended(c, box::ending::charged, {{}, "it crashed"}); }

}  // namespace

BOOST_AUTO_TEST_SUITE(mailbox_waiting)

// Mail for anyone waits for each consumer, also when it was put back. Mail for one waits for that
// one alone.
BOOST_AUTO_TEST_CASE(for_whom) {
    with_two_consumers b;
    BOOST_TEST(!b.has_waiting(0));
    put(b, "own", 1);
    BOOST_TEST(!b.has_waiting(0));
    BOOST_TEST(b.has_waiting(1));
    BOOST_TEST(b.has_own_waiting(1));
    BOOST_TEST(!b.has_waiting_for_anyone());
    put(b, "shared");
    BOOST_TEST(b.has_waiting(0));
    BOOST_TEST(!b.has_own_waiting(0));
    b.ready(0, 1);
    BOOST_TEST(b.take_next(0));
    BOOST_TEST(!b.has_waiting(0));  // in flight
    crash(b, 0);
    BOOST_TEST(b.has_waiting(0));
}

// An answer is no reason to start anyone: neither a fresh one, nor one that was in flight at a
// crash and is a suspect since.
BOOST_AUTO_TEST_CASE(answers_wait_for_nobody) {
    with_two_consumers b;
    b.connected(0);
    put(b, "a1", 0, kind::answer);
    put(b, "a2", 0, kind::answer);
    BOOST_TEST(!b.has_waiting(0));
    BOOST_TEST(b.take_next(0));
    BOOST_TEST(b.take_next(0));
    crash(b, 0);  // two in flight: suspects
    BOOST_TEST(!b.has_waiting(0));
    BOOST_TEST(b.last_waiting(0) == 0u);
    put(b, "own", 0);
    BOOST_TEST(b.has_waiting(0));
    BOOST_TEST(!b.has_waiting(1));
}

// A life has left what waited when it began, and waits still or is in flight to it. What came later
// does not count, nor what a sibling has, nor an answer.
BOOST_AUTO_TEST_CASE(left) {
    with_two_consumers b;
    b.ready(0, 9), b.ready(1, 9);
    put(b, "m1");
    put(b, "m2");
    put(b, "own", 1);
    const std::uint64_t began = b.last_waiting(0), began_beside = b.last_waiting(1);
    BOOST_TEST(began > 0u);
    BOOST_TEST(began_beside > began);
    BOOST_TEST(b.has_left(0, began));
    BOOST_TEST(!b.has_left(0, 0));
    BOOST_TEST(b.take_next(0));
    BOOST_TEST(b.take_next(0));
    BOOST_TEST(b.has_left(0, began));
    BOOST_TEST(b.has_left(1, began_beside));  // its own
    BOOST_TEST(!b.has_left(1, began));
    BOOST_TEST(b.ack(0, "m1"));
    BOOST_TEST(b.has_left(0, began));
    BOOST_TEST(b.ack(0, "m2"));
    put(b, "m3");
    b.connected(0);
    put(b, "a1", 0, kind::answer);
    BOOST_TEST(!b.has_left(0, began));
    BOOST_TEST(b.take_next(0));
    BOOST_TEST(b.take_next(0));
    BOOST_TEST(!b.has_left(0, began));
    BOOST_TEST(b.has_left(0, began_beside + 1));
}

BOOST_AUTO_TEST_SUITE_END()
