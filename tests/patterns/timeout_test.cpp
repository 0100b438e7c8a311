// Shows that what hangs becomes an error at its limit, in virtual time.
#include "patterns/timeout.hpp"
#include "supe/simulation/world.hpp"

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::component;

namespace {

/// Works for `takes` with a limit of 5 s, and notes what came of it.
struct worker {
    supe::duration takes;
    std::string outcome{};
    bool was_ended = false;

    awaitable<int> work(component& self) {
        struct at_end {
            bool& ended;
            ~at_end() { ended = true; }
        } mark{was_ended};
        co_await self.time().sleep_for(takes);
        co_return 7;
    }
    awaitable<> operator()(component& self) {
        try {
            const int result = co_await patterns::timeout(self, 5s, work(self));
            outcome = std::to_string(result);
        } catch (const patterns::timed_out& e) {
            outcome = e.what();
        }
        BOOST_TEST(was_ended);  // before the caller goes on
        co_await self.shutdown_requested();
    }
};

std::string outcome_of(supe::duration takes) {
    worker c{takes};
    supe::simulation::world w;
    w.provide("c", std::ref(c));
    w.run(R"({"name": "t", "children": [{"name": "c", "component": "c"}]})");
    w.advance(4s);
    BOOST_TEST(c.outcome == (takes < 4s ? "7" : ""));
    w.advance(1min);
    return c.outcome;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(timeout)

// Work that ends in time gives its result.
BOOST_AUTO_TEST_CASE(in_time) { BOOST_TEST(outcome_of(1s) == "7"); }

// Work that takes longer, or for ever, is cancelled at the limit, and the error says how long.
BOOST_AUTO_TEST_CASE(too_late) {
    BOOST_TEST(outcome_of(6s) == "no result after 5000 ms");
    BOOST_TEST(outcome_of(24h) == "no result after 5000 ms");
}

BOOST_AUTO_TEST_SUITE_END()
