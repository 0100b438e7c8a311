// Shows what each answer of a destination means, the whole table of contract §7.
#include "components/queue/retry_policy.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using components::delivery_result;
using components::judge;
using components::milliseconds;
using components::retry_settings;
using components::tries;
using components::verdict;

namespace {

/// `delivered`, `retry 30000`, `dead: REASON`, `pause`.
std::string judged(const delivery_result& result, tries before, double random = 0,
                   const retry_settings& settings = {}) {
    const verdict v = judge(result, before, settings, random);
    switch (v.what) {
        case verdict::kind::delivered: return "delivered";
        case verdict::kind::retry: return fmt::format("retry {}", v.delay.count());
        case verdict::kind::dead: return "dead: " + v.reason;
        case verdict::kind::pause: return "pause";
    }
    return "?";
}

constexpr int outages[] = {0, 408, 429, 500, 501, 502, 503, 504, 511, 599};
constexpr int refusals[] = {100, 101, 199, 300, 301, 302, 304, 307, 308, 400, 401,
                            403, 404, 405, 409, 411, 413, 415, 418, 422, 451, 499};

}  // namespace

BOOST_AUTO_TEST_SUITE(retry_policy)

// Every 2xx is a success, at the first try and at the thousandth, and however late.
BOOST_AUTO_TEST_CASE(success) {
    for (int status = 200; status < 300; ++status) {
        BOOST_TEST(judged({status}, {}) == "delivered");
        BOOST_TEST(judged({status}, {4, 1000, 24h * 365}) == "delivered");
        BOOST_TEST(!components::is_outage(status));
        BOOST_TEST(!components::is_refusal(status));
    }
}

// No answer, 408, 429 and all 5xx: again and again, for three days.
BOOST_AUTO_TEST_CASE(outages_are_retried) {
    for (const int status : outages) {
        BOOST_TEST(components::is_outage(status), status);
        BOOST_TEST(!components::is_refusal(status), status);
        BOOST_TEST(judged({status}, {}) == "retry 10000", status);
        BOOST_TEST(judged({status}, {4, 1000, 72h - 1ms}) == "retry 3600000", status);
    }
    BOOST_TEST(judged({503}, {0, 9, 72h}) == "dead: not delivered within 3d, at last: 503");
    BOOST_TEST(judged({0, {}, "timed out"}, {0, 9, 72h}) ==
               "dead: not delivered within 3d, at last: timed out");
    BOOST_TEST(judged({0}, {0, 9, 73h}) == "dead: not delivered within 3d, at last: no answer");
}

// 10 s, doubled each time, up to an hour; up to a fifth shorter, so that those that failed together
// do not come back together. All of it can be set.
BOOST_AUTO_TEST_CASE(delays_grow) {
    const long longest[] = {10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600};
    for (unsigned n = 0; n < std::size(longest); ++n) {
        BOOST_TEST(judged({503}, {0, n}) == fmt::format("retry {}", longest[n] * 1000));
        BOOST_TEST(judged({503}, {0, n}, 0.5) == fmt::format("retry {}", longest[n] * 900));
    }
    const retry_settings own{.first = 100ms, .factor = 3, .max = 1s, .jitter = 1, .refused = 2};
    BOOST_TEST(judged({503}, {0, 0}, 0, own) == "retry 100");
    BOOST_TEST(judged({503}, {0, 2}, 0, own) == "retry 900");
    BOOST_TEST(judged({503}, {0, 3}, 0, own) == "retry 1000");
    BOOST_TEST(judged({503}, {0, 3}, 0.75, own) == "retry 250");
    BOOST_TEST(judged({404}, {1, 1}, 0, own) == "dead: refused 2 times, at last with 404");
    BOOST_TEST(judged({503}, {0, 4000000000u}) == "retry 3600000");
}

// Retry-After is a floor, with a cap of a day, whatever the status was that gets another try. With
// 429 and 503 it is the destination that wants to rest.
BOOST_AUTO_TEST_CASE(retry_after) {
    BOOST_TEST(judged({503, 120s}, {}) == "retry 120000");
    BOOST_TEST(judged({429, 1s}, {}) == "retry 10000");
    BOOST_TEST(judged({404, 70s}, {}) == "retry 70000");
    BOOST_TEST(judged({503, 24h * 30}, {}) == "retry 86400000");
    const auto hold = [](int status, std::optional<milliseconds> after) {
        return components::hold_after({status, after}, {}).value_or(-1ms).count();
    };
    BOOST_TEST(hold(503, 120s) == 120000);
    BOOST_TEST(hold(429, 24h * 30) == 86400000);
    BOOST_TEST(hold(429, std::nullopt) == -1);
    BOOST_TEST(hold(429, 0s) == -1);  // no time was asked for: its own delay is its pause
    BOOST_TEST(judged({429, 0s}, {}) == "retry 10000");
    for (const int status : {0, 404, 408, 500, 502, 504}) BOOST_TEST(hold(status, 5s) == -1);
}

// Other answers, redirects too, are tried five times. An outage before them does not count: that
// was no refusal.
BOOST_AUTO_TEST_CASE(refusals_end_in_the_dead_letters) {
    for (const int status : refusals) {
        BOOST_TEST(components::is_refusal(status), status);
        BOOST_TEST(!components::is_outage(status), status);
        BOOST_TEST(judged({status}, {0, 0}) == "retry 10000", status);
        BOOST_TEST(judged({status}, {3, 9}).starts_with("retry "), status);
        BOOST_TEST(judged({status}, {4, 4}) ==
                   fmt::format("dead: refused 5 times, at last with {}", status));
    }
    BOOST_TEST(judged({404}, {0, 0, 73h}) == "dead: not delivered within 3d, at last: 404");
}

// 410: the destination wants no more of any.
BOOST_AUTO_TEST_CASE(gone_pauses) {
    BOOST_TEST(judged({410}, {}) == "pause");
    BOOST_TEST(judged({410, 5s}, {4, 99, 100h}) == "pause");
    BOOST_TEST(!components::is_refusal(410));
    BOOST_TEST(!components::is_outage(410));
}

BOOST_AUTO_TEST_SUITE_END()
