// Shows the pauses of patterns::backoff.
#include "patterns/backoff.hpp"

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;

namespace {

/// The next n pauses in ms.
std::vector<long> pauses(patterns::backoff& b, int n) {
    std::vector<long> found;
    for (int i = 0; i < n; ++i)
        found.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(b.next()).count());
    return found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(backoff)

// The limit doubles from the first to the largest and stays there; without jitter it is the pause.
BOOST_AUTO_TEST_CASE(grows_to_its_maximum) {
    patterns::backoff b({100ms, 1s, 2, 0});
    BOOST_TEST(pauses(b, 7) == (std::vector<long>{100, 200, 400, 800, 1000, 1000, 1000}),
               boost::test_tools::per_element());
}

// Full jitter: from 0 up to the whole limit, and another row for each object.
BOOST_AUTO_TEST_CASE(takes_any_part_of_the_limit) {
    patterns::backoff b({1s, 1s, 1}), other({1s, 1s, 1});
    const auto row = pauses(b, 1000);
    BOOST_TEST(*std::ranges::min_element(row) >= 0);
    BOOST_TEST(*std::ranges::min_element(row) < 100);
    BOOST_TEST(*std::ranges::max_element(row) > 900);
    BOOST_TEST(*std::ranges::max_element(row) <= 1000);
    BOOST_TEST((row != pauses(other, 1000)));
}

// A jitter of 0.1 takes at most a tenth off.
BOOST_AUTO_TEST_CASE(takes_a_part_off) {
    patterns::backoff b({1s, 1s, 1, 0.1});
    const auto row = pauses(b, 1000);
    BOOST_TEST(*std::ranges::min_element(row) >= 900);
    BOOST_TEST(*std::ranges::max_element(row) <= 1000);
}

// After a success it begins again.
BOOST_AUTO_TEST_CASE(reset_begins_again) {
    patterns::backoff b({100ms, 30s, 2, 0});
    pauses(b, 5);
    b.reset();
    BOOST_TEST(pauses(b, 2) == (std::vector<long>{100, 200}), boost::test_tools::per_element());
}

// A first pause above the largest one, and ten thousand failures, never exceed the largest.
BOOST_AUTO_TEST_CASE(never_passes_its_maximum) {
    patterns::backoff b({10s, 1s, 2, 0});
    BOOST_TEST(pauses(b, 2) == (std::vector<long>{1000, 1000}), boost::test_tools::per_element());
    patterns::backoff endless({1ms, 5s, 10, 0});
    pauses(endless, 10000);
    BOOST_TEST(pauses(endless, 1) == (std::vector<long>{5000}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
