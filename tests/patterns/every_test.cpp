// Shows when patterns::every beats, in virtual time.
#include "patterns/every.hpp"
#include "supe/simulation/world.hpp"

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::component;
using supe::simulation::world;

namespace {

constexpr const char* one_child = R"({"name": "t", "children": [{"name": "c", "component": "c"}]})";

/// Beats every 10 s. The work of a beat takes its entry in `work`, or no time. Notes the beginning
/// of each, in s.
struct drummer {
    std::vector<supe::duration> work{};
    std::vector<long> beats{};
    bool ended = false;

    awaitable<> operator()(component& self) {
        const auto start = self.time().now();
        patterns::every beat(self, 10s);
        while (co_await beat.tick()) {
            const std::size_t n = beats.size();
            beats.push_back((self.time().now() - start) / 1s);
            if (n < work.size()) co_await self.time().sleep_for(work[n]);
        }
        ended = true;
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(every)

// The first beat comes after one period, the others at even distances.
BOOST_AUTO_TEST_CASE(beats_evenly) {
    drummer d;
    world w;
    w.provide("c", std::ref(d));
    w.run(one_child);
    w.advance(45s);
    BOOST_TEST(d.beats == (std::vector<long>{10, 20, 30, 40}), boost::test_tools::per_element());
}

// Work that takes longer than a period: one beat comes at once, however many were missed, and then
// those of the old grid.
BOOST_AUTO_TEST_CASE(long_work_skips_beats) {
    drummer d{{25s, 3s, 10s}};
    world w;
    w.provide("c", std::ref(d));
    w.run(one_child);
    w.advance(75s);
    BOOST_TEST(d.beats == (std::vector<long>{10, 35, 40, 50, 60, 70}),
               boost::test_tools::per_element());
}

// SUPE-SHUTDOWN ends it at once, in the middle of a period.
BOOST_AUTO_TEST_CASE(ends_when_asked) {
    drummer d;
    world w;
    w.provide("c", std::ref(d));
    w.run(one_child);
    w.advance(14s);
    BOOST_TEST(w.stop(1s));
    BOOST_TEST(d.ended);
    BOOST_TEST(d.beats.size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
