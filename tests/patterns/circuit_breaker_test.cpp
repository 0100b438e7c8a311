// Shows when a circuit lets something start, step by step and in seeded sweeps (SUPE_SEEDS,
// SUPE_SEED).
#include "patterns/circuit_breaker.hpp"
#include "tests/support/seeds.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>
#include <deque>
#include <random>

using namespace std::chrono_literals;
using breaker = patterns::circuit_breaker;
using phase = breaker::phase;
using change = breaker::change;

namespace {

constexpr breaker::settings quick{.failures = 3, .first = 1s, .max = 5s, .factor = 2, .full = 4};

struct scene {
    breaker circuit{quick};
    supe::time_point now{std::chrono::hours(1)};

    breaker::ticket start() { return circuit.start(now); }
    change fail(breaker::ticket t) { return circuit.failed(t, now); }
    change fail() { return fail(start()); }
    change succeed() { return circuit.succeeded(start()); }
    bool may() const { return circuit.may_start(now); }
    void open() {
        for (unsigned i = 0; i < quick.failures; ++i) fail();
    }
    supe::duration pause() const { return circuit.next_start() - now; }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(circuit_breaker)

// So many failures in a row open it; a success in between begins the count anew.
BOOST_AUTO_TEST_CASE(opens_after_failures_in_a_row) {
    scene s;
    for (int i = 0; i < 10; ++i) {
        BOOST_TEST((s.fail() == change::none));
        BOOST_TEST((s.fail() == change::none));
        BOOST_TEST((s.succeed() == change::none));
    }
    s.fail();
    s.fail();
    BOOST_TEST((s.circuit.next_start() == supe::never));
    BOOST_TEST((s.fail() == change::opened));
    BOOST_TEST(!s.may());
    BOOST_TEST((s.pause() == 1s));
}

// One probe at a time. The pauses grow up to the longest, and begin anew with the next outage.
BOOST_AUTO_TEST_CASE(probes_one_at_a_time) {
    scene s;
    s.open();
    for (const auto pause : {2s, 4s, 5s, 5s}) {
        s.now = s.circuit.next_start();
        BOOST_TEST(s.may());
        const auto probe = s.start();
        BOOST_TEST(!s.may());
        s.now += 1h;
        BOOST_TEST(!s.may());  // however long it takes
        BOOST_TEST((s.fail(probe) == change::none));
        BOOST_TEST((s.pause() == pause));
    }
    s.now = s.circuit.next_start();
    BOOST_TEST((s.succeed() == change::closed));
    s.open();
    BOOST_TEST((s.pause() == 1s));
}

// After a success one may be out, then one more after each success, until all may.
BOOST_AUTO_TEST_CASE(the_ramp) {
    scene s;
    s.open();
    s.now += 1s;
    s.succeed();
    BOOST_TEST((s.circuit.current() == phase::ramp));
    const auto first = s.start();
    BOOST_TEST(!s.may());
    s.circuit.succeeded(first);
    std::deque<breaker::ticket> out{s.start(), s.start()};
    BOOST_TEST(!s.may());
    s.circuit.succeeded(out[0]);
    BOOST_TEST((s.circuit.current() == phase::ramp));
    s.circuit.succeeded(out[1]);
    BOOST_TEST((s.circuit.current() == phase::closed));
    for (int i = 0; i < 100; ++i) s.start();
    BOOST_TEST(s.may());
}

// A failure on the ramp halves what may be out; several in a row open the circuit.
BOOST_AUTO_TEST_CASE(failures_on_the_ramp) {
    scene s;
    s.open();
    s.now += 1s;
    s.succeed();
    s.succeed();
    s.succeed();  // three may be out
    s.fail();
    const auto only = s.start();
    BOOST_TEST(!s.may());
    s.fail(only);
    BOOST_TEST((s.circuit.current() == phase::ramp));
    BOOST_TEST((s.fail() == change::opened));
}

// What was started before the circuit opened: its failure says nothing new, its success is as good
// as a probe's.
BOOST_AUTO_TEST_CASE(late_reports) {
    scene s;
    const auto late_failure = s.start(), late_success = s.start();
    s.open();
    BOOST_TEST((s.fail(late_failure) == change::none));
    BOOST_TEST((s.pause() == 1s));
    s.now += 1s;
    const auto probe = s.start();
    BOOST_TEST((s.circuit.succeeded(late_success) == change::closed));
    BOOST_TEST((s.fail(probe) == change::none));
    BOOST_TEST((s.circuit.current() == phase::ramp));
    BOOST_TEST((s.circuit.succeeded({}) == change::none));  // of an earlier life
}

// A probe that was not tried after all leaves its place to another one; somebody who knows better
// ends the pause.
BOOST_AUTO_TEST_CASE(another_probe) {
    scene s;
    s.open();
    BOOST_TEST(!s.may());
    s.circuit.try_now(s.now);
    const auto probe = s.start();
    s.circuit.try_now(s.now);
    BOOST_TEST(!s.may());  // one is out
    s.circuit.abandoned(probe, s.now);
    BOOST_TEST(s.may());
    BOOST_TEST((s.succeed() == change::closed));
}

// A destination goes up and down at random, answers take their time: never two probes at once,
// never a start in a pause, and soon after it is up for good the circuit is closed.
BOOST_AUTO_TEST_CASE(sweep) {
    for (const std::uint64_t seed : support::seeds(1000)) {
        std::mt19937_64 dice(seed);
        scene s;
        bool up = true;
        unsigned probes = 0;
        struct one {
            breaker::ticket ticket;
            bool is_probe, works;
        };
        std::vector<one> out;
        for (int step = 0; step < 3000; ++step) {
            const bool for_good = step >= 2000;
            if (for_good || dice() % 100 == 0) up = for_good || dice() % 2 == 0;
            s.now += std::chrono::milliseconds(dice() % 50);
            if (s.may() && out.size() < 10) {
                const bool is_probe = s.circuit.current() == phase::open;
                if (is_probe) BOOST_TEST_REQUIRE((s.now >= s.circuit.next_start()));
                probes += is_probe ? 1 : 0;
                BOOST_TEST_REQUIRE(probes <= 1u, fmt::format("seed {}", seed));
                out.push_back({s.start(), is_probe, up});
            }
            if (out.empty() || dice() % 3 == 0) continue;
            const std::size_t which = dice() % out.size();
            const one ended = out[which];
            out.erase(out.begin() + static_cast<std::ptrdiff_t>(which));
            probes -= ended.is_probe ? 1 : 0;
            if (ended.works) {
                if (s.circuit.succeeded(ended.ticket) == change::closed) {
                    for (one& o : out) o.is_probe = false;
                    probes = 0;
                }
            } else {
                s.fail(ended.ticket);
            }
        }
        BOOST_TEST((s.circuit.current() == phase::closed), fmt::format("seed {}", seed));
    }
}

BOOST_AUTO_TEST_SUITE_END()
