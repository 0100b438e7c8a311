// Shows the order within a key, and how the keys share.
#include "patterns/fair_queue.hpp"
#include "tests/support/seeds.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>
#include <map>
#include <random>

namespace {

using fair = patterns::fair_queue<int>;

/// Takes and finishes all that can be had, one after the other.
std::string drained(fair& q) {
    std::string order;
    while (auto next = q.pop()) {
        order += fmt::format("{}{} ", next->first, next->second);
        q.done(next->first);
    }
    return order;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(fair_queue)

// In order within a key; the keys take turns, however many items one has.
BOOST_AUTO_TEST_CASE(keys_take_turns) {
    fair q;
    for (int i = 1; i <= 5; ++i) q.push("a", i);
    q.push("b", 1);
    q.push("c", 1);
    q.push("b", 2);
    BOOST_TEST(q.size() == 8u);
    BOOST_TEST(drained(q) == "a1 b1 c1 a2 b2 a3 a4 a5 ");
    BOOST_TEST(q.size() == 0u);
    BOOST_TEST(q.keys() == 0u);
}

// The next one of a key comes after the one that is out, and holds up its key alone.
BOOST_AUTO_TEST_CASE(one_of_a_key_is_out) {
    fair q;
    q.push("a", 1);
    q.push("a", 2);
    q.push("b", 1);
    BOOST_TEST(q.pop()->first == "a");
    BOOST_TEST(drained(q) == "b1 ");
    q.push("a", 3);
    BOOST_TEST(!q.pop());
    q.done("a");
    q.done("a");  // once is enough
    q.done("nobody");
    BOOST_TEST(drained(q) == "a2 a3 ");
}

// At random: each key's order is kept, one of a key is out at most, and a newcomer waits for no
// more items than there are keys.
BOOST_AUTO_TEST_CASE(sweep) {
    for (const std::uint64_t seed : support::seeds(1000)) {
        std::mt19937_64 dice(seed);
        fair q;
        std::map<std::string, int> pushed, popped;
        std::map<std::string, std::size_t> waits;  // turns since its key could be taken
        std::vector<std::string> out;
        for (int step = 0; step < 2000; ++step) {
            // Nine of ten are of one key.
            const std::string key = dice() % 10 ? "hot" : fmt::format("k{}", dice() % 5);
            if (dice() % 2) q.push(key, ++pushed[key]);
            if (auto next = q.pop()) {
                BOOST_TEST_REQUIRE(std::ranges::count(out, next->first) == 0);
                BOOST_TEST_REQUIRE(next->second == ++popped[next->first],
                                   fmt::format("seed {}", seed));
                out.push_back(next->first);
                waits[next->first] = 0;
                for (auto& [other, n] : waits)
                    if (pushed[other] > popped[other] && std::ranges::count(out, other) == 0)
                        BOOST_TEST_REQUIRE(++n <= 6u, fmt::format("seed {}: {}", seed, other));
            }
            if (!out.empty() && dice() % 2) {
                const std::size_t which = dice() % out.size();
                q.done(out[which]);
                waits[out[which]] = 0;
                out.erase(out.begin() + static_cast<std::ptrdiff_t>(which));
            }
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
