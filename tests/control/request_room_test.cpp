// Shows which client gives way where the room for unfinished requests is taken. Without loop and
// clock.
#include "supe/control/request_room.hpp"

#include <array>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::control::request_guest;
using supe::control::small_request;

namespace {

constexpr std::size_t limit = 10 * small_request;

supe::time_point at(supe::duration d) { return supe::time_point() + d; }

bool nothing(request_guest&) { return false; }

struct three_guests {
    three_guests() {
        for (std::size_t n = 0; n < 3; ++n) room.enter(guest[n], at(n * 1s));
    }
    supe::control::request_room room;
    std::array<request_guest, 3> guest;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(request_room)

// What has come of a request counts, though it is not read yet; where all have such, none is
// silent.
BOOST_AUTO_TEST_CASE(unread) {
    three_guests t;
    const auto has_more = [&](request_guest& g) { return &g != &t.guest[1]; };
    BOOST_TEST(t.room.longest_silent(has_more) == &t.guest[1]);
    BOOST_TEST(t.room.longest_silent(nothing) == &t.guest[1]);  // the first one was heard
    BOOST_TEST(!t.room.longest_silent([](request_guest&) { return true; }));
    for (request_guest& g : t.guest) t.room.leave(g);
}

// The connection gives way of which nothing has come for longest, whoever came first.
BOOST_AUTO_TEST_CASE(silence) {
    three_guests t;
    BOOST_TEST(t.room.longest_silent(nothing) == &t.guest[0]);
    t.room.heard(t.guest[0]);
    BOOST_TEST(t.room.longest_silent(nothing) == &t.guest[1]);
    t.room.leave(t.guest[1]);
    BOOST_TEST(t.room.longest_silent(nothing) == &t.guest[2]);
    t.room.leave(t.guest[2]);
    t.room.leave(t.guest[0]);
    BOOST_TEST(!t.room.longest_silent(nothing));
    BOOST_TEST(t.room.size() == 0u);
}

// Small requests always have room. Large ones share the limit, and give back what they took.
BOOST_AUTO_TEST_CASE(memory) {
    three_guests t;
    BOOST_TEST(t.room.hold(t.guest[0], 6 * small_request, limit));
    BOOST_TEST(t.room.hold(t.guest[1], 4 * small_request, limit));
    BOOST_TEST(!t.room.hold(t.guest[1], 4 * small_request + 1, limit));
    BOOST_TEST(t.room.held() == limit);
    BOOST_TEST(t.room.hold(t.guest[2], small_request, limit));
    BOOST_TEST(!t.room.hold(t.guest[2], small_request + 1, limit));
    t.room.release(t.guest[0]);
    BOOST_TEST(t.room.hold(t.guest[2], 6 * small_request, limit));
    t.room.leave(t.guest[0]);
    t.room.leave(t.guest[1]);
    t.room.leave(t.guest[2]);
    BOOST_TEST(t.room.held() == 0u);
}

// Of large requests the one that began first gives way, and only where it has had its time. That a
// byte comes now and then does not help it.
BOOST_AUTO_TEST_CASE(slow_requests) {
    three_guests t;
    BOOST_TEST(!t.room.slowest_large(at(9s), t.guest[2]));  // none is large
    for (request_guest& g : t.guest) BOOST_TEST(t.room.hold(g, 2 * small_request, limit));
    t.room.heard(t.guest[0]);
    BOOST_TEST(t.room.slowest_large(at(9s), t.guest[2]) == &t.guest[0]);
    BOOST_TEST(t.room.slowest_large(at(9s), t.guest[0]) == &t.guest[1]);
    BOOST_TEST(t.room.slowest_large(at(0s), t.guest[2]) == &t.guest[0]);
    BOOST_TEST(!t.room.slowest_large(at(-1s), t.guest[2]));
    t.room.release(t.guest[0]);
    BOOST_TEST(t.room.slowest_large(at(9s), t.guest[2]) == &t.guest[1]);
}

BOOST_AUTO_TEST_SUITE_END()
