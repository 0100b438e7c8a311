// Measures how long webhooks of quiet keys wait beside a key that sends nine in ten of all, in
// virtual time: the same destination, with and without that key.
#include "tests/components/queue/logic_scene.hpp"

#include <algorithm>
#include <map>
#include <random>

using namespace std::chrono_literals;
using queue_tests::lines;
using queue_tests::webhook;

namespace {

constexpr int service_ms = 4;  // of a delivery
constexpr int duration_ms = 5000;
constexpr int quiet_keys = 40;

struct traffic {
    unsigned connections;
    double quiet_per_s;  ///< of all quiet keys together
    double loud_per_s;
};

/// From arrival to delivery, of the quiet keys.
struct waits {
    double median_ms = 0, p99_ms = 0;
    std::size_t delivered = 0;
};

/// What comes in each millisecond, by key; the quiet keys' is the same with and without the loud
/// one.
std::vector<lines> arrivals(const traffic& t) {
    std::vector<lines> at(duration_ms);
    std::mt19937_64 quiet(1), loud(2);
    const auto spread = [&](std::mt19937_64& dice, double per_s, const auto& key) {
        if (per_s <= 0) return;
        std::exponential_distribution<double> pause(per_s / 1000);
        for (double ms = pause(dice); ms < duration_ms; ms += pause(dice))
            at[static_cast<std::size_t>(ms)].push_back(key(dice));
    };
    spread(quiet, t.quiet_per_s,
           [](auto& dice) { return fmt::format("q{}", dice() % quiet_keys); });
    spread(loud, t.loud_per_s, [](auto&) { return std::string("loud"); });
    return at;
}

waits waits_of(const traffic& t) {
    queue_tests::scene s(queue_tests::one_lane({.in_flight = t.connections, .ordered = true}));
    std::map<std::string, int> came;
    std::map<int, lines> done;  // by the millisecond in which they are delivered
    std::vector<int> took;
    const auto all = arrivals(t);
    for (int ms = 0; ms < duration_ms; ++ms, s.now += 1ms) {
        lines mails;
        for (const std::string& id : done[ms]) {
            mails.push_back(queue_tests::result(id, 1, 200));
            if (id.starts_with("q")) took.push_back(ms - came[id]);
        }
        for (const std::string& key : all[static_cast<std::size_t>(ms)]) {
            const std::string id = fmt::format("{}-{}", key, came.size());
            came[id] = ms;
            mails.push_back(webhook(id, 10, fmt::format(R"("order_key":"{}",)", key)));
        }
        done.erase(ms);
        if (mails.empty()) continue;
        s.take(mails);
        while (const auto next = s.logic->next(s.now, s.events))
            done[ms + service_ms].push_back(next->webhook.id);
    }
    std::ranges::sort(took);
    BOOST_REQUIRE(took.size() > 100u);
    return {double(took[took.size() / 2]), double(took[took.size() * 99 / 100]), took.size()};
}

/// The loud key sends nine times what all others do.
void expect_fair(unsigned connections, double quiet_per_s) {
    const waits quiet = waits_of({connections, quiet_per_s, 0});
    const waits beside = waits_of({connections, quiet_per_s, 9 * quiet_per_s});
    BOOST_TEST_MESSAGE(connections << " connections, " << quiet_per_s << "/s: median "
                                   << quiet.median_ms << " and " << beside.median_ms << " ms, p99 "
                                   << quiet.p99_ms << " and " << beside.p99_ms << " ms of "
                                   << quiet.delivered);
    BOOST_TEST(beside.delivered + 20 >= quiet.delivered);
    BOOST_TEST(beside.p99_ms <= 2 * quiet.p99_ms);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(fair_keys)

// All together are about as much as the destination takes.
BOOST_AUTO_TEST_CASE(as_much_as_it_takes) { expect_fair(1, 25); }

BOOST_AUTO_TEST_SUITE_END()
