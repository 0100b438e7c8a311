// Shows when patterns::retry tries again, and how it ends, in virtual time.
#include "patterns/retry.hpp"
#include "patterns/timeout.hpp"
#include "supe/simulation/world.hpp"

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::component;
using supe::simulation::world;

namespace {

constexpr const char* one_child =
    R"({"name": "t", "children": [{"name": "c", "component": "c", "restart": "temporary"}]})";

/// Tries something that fails `failures` times; each try takes `takes`. Notes when each began, in
/// s, and how the row ended.
struct caller {
    unsigned failures = 0;
    patterns::retry_limits limits{.pauses = {1s, 4s, 2, 0}};
    supe::duration takes{};
    supe::duration until{};  ///< from its start; 0: no deadline
    bool is_fault = false;
    std::vector<long> tries{};
    std::string end{};

    awaitable<std::string> work(component& self) {
        tries.push_back((self.time().now() - began) / 1s);
        co_await self.time().sleep_for(takes);
        if (is_fault) throw std::logic_error("a fault of the program");
        if (tries.size() <= failures)
            throw std::runtime_error("try " + std::to_string(tries.size()));
        co_return "done";
    }
    awaitable<> operator()(component& self) {
        began = self.time().now();
        if (until > 0s) limits.deadline = began + until;
        const auto one = [&] { return work(self); };
        try {
            const auto result = co_await patterns::retry(self, limits, one);
            end = result.value_or("asked to shut down");
        } catch (const std::exception& e) {
            if (supe::is_cancellation(std::current_exception())) throw;
            end = e.what();
        }
    }
    supe::time_point began{};
};

void run(caller& c, supe::duration how_long = 1min) {
    world w;
    w.provide("c", std::ref(c));
    w.run(one_child);
    w.advance(how_long);
    BOOST_TEST(w.stop(30s));
}

using seconds = std::vector<long>;

}  // namespace

BOOST_AUTO_TEST_SUITE(retry)

// Until it succeeds, with pauses that grow.
BOOST_AUTO_TEST_CASE(until_success) {
    caller c{.failures = 4};
    run(c);
    BOOST_TEST(c.tries == (seconds{0, 1, 3, 7, 11}), boost::test_tools::per_element());
    BOOST_TEST(c.end == "done");
}

// After the last try its error is thrown, at once.
BOOST_AUTO_TEST_CASE(until_the_limit_of_tries) {
    caller c{.failures = 100};
    c.limits.tries = 3;
    run(c, 4s);
    BOOST_TEST(c.tries == (seconds{0, 1, 3}), boost::test_tools::per_element());
    BOOST_TEST(c.end == "try 3");
}

// No try begins after the deadline: the last error is thrown as soon as that is certain. A try that
// runs at the deadline is cancelled.
BOOST_AUTO_TEST_CASE(until_the_deadline) {
    caller c{.failures = 100};
    c.until = 6s;
    run(c, 4s);
    BOOST_TEST(c.tries == (seconds{0, 1, 3}), boost::test_tools::per_element());
    BOOST_TEST(c.end == "try 3");
    caller hangs{.takes = 24h};
    hangs.until = 6s;
    run(hangs, 7s);
    BOOST_TEST(hangs.tries == seconds{0}, boost::test_tools::per_element());
    BOOST_TEST(hangs.end == "no result until the deadline");
}

// A shutdown cuts a pause short; a try that runs is finished, and its result counts.
BOOST_AUTO_TEST_CASE(until_shutdown) {
    caller waits{.failures = 100, .limits = {.pauses = {20s, 20s, 1, 0}}};
    run(waits, 5s);
    BOOST_TEST(waits.tries == seconds{0}, boost::test_tools::per_element());
    BOOST_TEST(waits.end == "asked to shut down");
    caller works{.takes = 3s};
    run(works, 1s);
    BOOST_TEST(works.end == "done");
    caller fails{.failures = 1, .takes = 3s};
    run(fails, 1s);
    BOOST_TEST(fails.end == "asked to shut down");
}

// What is no std::runtime_error is a fault of the program, and is not tried again.
BOOST_AUTO_TEST_CASE(not_for_faults) {
    caller c{.is_fault = true};
    run(c);
    BOOST_TEST(c.tries == seconds{0}, boost::test_tools::per_element());
    BOOST_TEST(c.end == "a fault of the program");
}

BOOST_AUTO_TEST_SUITE_END()
