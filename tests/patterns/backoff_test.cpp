// Shows the pauses of patterns::backoff, exactly.
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

// The limit doubles from the first to the largest and stays there; a random number of 0.5 gives
// half of the limit.
BOOST_AUTO_TEST_CASE(grows_to_its_maximum) {
    patterns::backoff b({100ms, 1s, 2}, [] { return 0.5; });
    BOOST_TEST(pauses(b, 7) == (std::vector<long>{50, 100, 200, 400, 500, 500, 500}),
               boost::test_tools::per_element());
}

// Full jitter: from 0 up to the whole limit.
BOOST_AUTO_TEST_CASE(takes_any_part_of_the_limit) {
    double dice = 0;
    patterns::backoff b({100ms, 30s, 2}, [&dice] { return dice; });
    BOOST_TEST(b.next().count() == 0);
    dice = 0.999;
    BOOST_TEST(pauses(b, 2) == (std::vector<long>{199, 399}), boost::test_tools::per_element());
}

// After a success it begins again.
BOOST_AUTO_TEST_CASE(reset_begins_again) {
    patterns::backoff b({100ms, 30s, 2}, [] { return 0.5; });
    pauses(b, 5);
    b.reset();
    BOOST_TEST(pauses(b, 2) == (std::vector<long>{50, 100}), boost::test_tools::per_element());
}

// A first pause above the largest one, and ten thousand failures, never exceed the largest.
BOOST_AUTO_TEST_CASE(never_passes_its_maximum) {
    patterns::backoff b({10s, 1s, 2}, [] { return 0.5; });
    BOOST_TEST(pauses(b, 2) == (std::vector<long>{500, 500}), boost::test_tools::per_element());
    patterns::backoff endless({1ms, 5s, 10}, [] { return 0.5; });
    pauses(endless, 10000);
    BOOST_TEST(pauses(endless, 1) == (std::vector<long>{2500}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
