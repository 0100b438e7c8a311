// Shows what each answer of a destination means, the whole table of contract §7.
#include "components/queue/retry_policy.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using components::judge;
using components::milliseconds;
using components::retry_settings;
using components::verdict;

namespace {

/// `delivered`, `retry 30000`, `dead: REASON`, `pause`.
std::string judged(int status, components::tries history,
                   std::optional<milliseconds> retry_after = {}, double random = 0.5) {
    const verdict v = judge({status, retry_after}, history, retry_settings{}, random);
    switch (v.what) {
        case verdict::kind::delivered: return "delivered";
        case verdict::kind::retry: return fmt::format("retry {}", v.delay.count());
        case verdict::kind::dead: return "dead: " + v.reason;
        case verdict::kind::pause: return "pause";
    }
    return "?";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(retry_policy)

// Every 2xx is a success, at the first try and at the thousandth.
BOOST_AUTO_TEST_CASE(success) {
    for (int status = 200; status < 300; ++status) {
        BOOST_TEST(judged(status, {1}) == "delivered");
        BOOST_TEST(judged(status, {1000, 4}) == "delivered");
    }
}

// No answer, 408, 429 and all 5xx: again and again, for ever.
BOOST_AUTO_TEST_CASE(passing_trouble_is_retried_for_ever) {
    for (int status : {0, 408, 429, 500, 501, 502, 503, 504, 511, 599}) {
        BOOST_TEST(judged(status, {1}) == "retry 0", status);
        BOOST_TEST(judged(status, {2}) == "retry 15000", status);
        BOOST_TEST(judged(status, {1000000, 4}) == "retry 1800000", status);
        BOOST_TEST(!components::is_refusal(status), status);
    }
}

// At the next tick after the first failure, then 30 s, doubled each time, up to an hour: any part
// of that.
BOOST_AUTO_TEST_CASE(delays_grow_with_full_jitter) {
    const long limits[] = {0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600};
    for (unsigned attempt = 1; attempt <= std::size(limits); ++attempt) {
        BOOST_TEST(judged(503, {attempt}, {}, 0) == "retry 0");
        BOOST_TEST(judged(503, {attempt}, {}, 0.5) ==
                   fmt::format("retry {}", limits[attempt - 1] * 500));
    }
    BOOST_TEST(judged(503, {2}, {}, 0.9999) == "retry 29997");
}

// Retry-After is a floor, with a cap of a day, whatever the status was that gets another try.
BOOST_AUTO_TEST_CASE(retry_after_is_a_floor) {
    BOOST_TEST(judged(503, {1}, 120s) == "retry 120000");
    BOOST_TEST(judged(429, {8}, 1s) == "retry 960000");
    BOOST_TEST(judged(404, {1}, 7s) == "retry 7000");
    BOOST_TEST(judged(503, {1}, 24h * 30) == "retry 86400000");
    BOOST_TEST(judged(503, {1}, 0ms) == "retry 0");
}

// Other answers, redirects too, are tried five times. An outage before them does not count: that
// was no refusal.
BOOST_AUTO_TEST_CASE(refusals_end_in_the_dead_letters) {
    for (int status : {100, 101, 199, 300, 301, 302, 304, 307, 308, 400, 401,
                       403, 404, 405, 409, 411, 413, 415, 418, 422, 451, 499}) {
        BOOST_TEST(components::is_refusal(status), status);
        BOOST_TEST(judged(status, {1, 0}) == "retry 0", status);
        BOOST_TEST(judged(status, {4, 3}).starts_with("retry "), status);
        BOOST_TEST(judged(status, {5, 4}) ==
                   fmt::format("dead: refused 5 times, at last with {}", status));
        BOOST_TEST(judged(status, {500, 3}).starts_with("retry "), status);
    }
}

// 410: the destination wants no more of any.
BOOST_AUTO_TEST_CASE(gone_pauses) {
    BOOST_TEST(judged(410, {1}) == "pause");
    BOOST_TEST(judged(410, {99, 4}, 5s) == "pause");
    BOOST_TEST(!components::is_refusal(410));
}

BOOST_AUTO_TEST_SUITE_END()
