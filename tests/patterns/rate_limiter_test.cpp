// Shows when patterns::rate_limiter has a token, exactly, and that any window of time has no more
// than it should.
#include "patterns/rate_limiter.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <random>
#include <vector>

using namespace std::chrono_literals;

namespace {

const supe::time_point start{1h};

}  // namespace

BOOST_AUTO_TEST_SUITE(rate_limiter)

// After a quiet time all tokens are there at once; then one comes each part of the period.
BOOST_AUTO_TEST_CASE(a_burst_and_then_evenly) {
    patterns::rate_limiter r({.count = 4, .period = 1s});
    for (int i = 0; i < 4; ++i) BOOST_TEST((r.take(start) == 0s));
    BOOST_TEST((r.take(start) == 250ms));
    BOOST_TEST((r.take(start + 100ms) == 150ms));  // asking takes nothing
    BOOST_TEST((r.take(start + 250ms) == 0s));
    BOOST_TEST((r.take(start + 250ms) == 250ms));
    for (int i = 0; i < 4; ++i) BOOST_TEST((r.take(start + 10s) == 0s));  // never more than fit in
    BOOST_TEST((r.take(start + 10s) == 250ms));
}

// A smaller burst: one at a time, evenly from the first on.
BOOST_AUTO_TEST_CASE(one_at_a_time) {
    patterns::rate_limiter r({.count = 10, .period = 1s, .burst = 1});
    BOOST_TEST((r.take(start) == 0s));
    BOOST_TEST((r.take(start) == 100ms));
    BOOST_TEST((r.take(start + 100ms) == 0s));
    BOOST_TEST((r.take(start + 150ms) == 50ms));
}

// However the calls fall, a window of a period has at most `count` and those that came back
// meanwhile; and who waits as told is never told to wait again.
BOOST_AUTO_TEST_CASE(no_window_has_too_many) {
    for (unsigned seed = 1; seed <= 200; ++seed) {
        std::mt19937_64 dice(seed);
        const unsigned count = 1 + static_cast<unsigned>(dice() % 50);
        const supe::duration period = std::chrono::milliseconds(1 + dice() % 5000);
        patterns::rate_limiter r({.count = count, .period = period});
        std::vector<supe::time_point> taken;
        supe::time_point now = start;
        for (int i = 0; i < 500; ++i) {
            now += period * (dice() % 100) / (count * 60);
            const supe::duration wait = r.take(now);
            if (wait > 0s) {
                now += wait;
                BOOST_REQUIRE_MESSAGE((r.take(now) == 0s), "seed " << seed);
            }
            taken.push_back(now);
            const auto first = std::ranges::lower_bound(taken, now - period);
            BOOST_REQUIRE_MESSAGE(taken.end() - first <= 2 * count + 1, "seed " << seed);
        }
    }
}

// Another one goes on with the bucket, and is never emptier than empty.
BOOST_AUTO_TEST_CASE(goes_on) {
    patterns::rate_limiter r({.count = 4, .period = 1s});
    BOOST_TEST((r.full_in(start) == 0s));
    for (int i = 0; i < 3; ++i) r.take(start);
    BOOST_TEST((r.full_in(start) == 750ms));
    BOOST_TEST((r.full_in(start + 1s) == 0s));
    for (const auto& [full_in, at_once] :
         {std::pair<supe::duration, int>{750ms, 1}, {0s, 4}, {1h, 0}}) {
        patterns::rate_limiter next({.count = 4, .period = 1s});
        next.go_on(start, full_in);
        for (int i = 0; i < at_once; ++i) BOOST_TEST((next.take(start) == 0s));
        BOOST_TEST((next.take(start) == 250ms));
    }
}

BOOST_AUTO_TEST_SUITE_END()
