// The order of starts and stops: groups and delays.
#include "tests/supervision/restarter_bench.hpp"

#include <boost/test/unit_test.hpp>

using namespace restarter_bench;

BOOST_AUTO_TEST_SUITE(restarter_order)

// --- strategies ---

// one_for_one: no other child is touched.
BOOST_AUTO_TEST_CASE(one_for_one_restarts_one) {
    bench b(three(one_for_one));
    b.up();
    BOOST_TEST(b.crash("b") == "restart b");
    BOOST_TEST(b.ready("b") == "");
    BOOST_TEST(b.r.restarts_of(1) == 1u);
    BOOST_TEST(b.r.restarts_of(0) == 0u);
}

// one_for_all: the others stop in reverse, then all start in order.
BOOST_AUTO_TEST_CASE(one_for_all_restarts_all) {
    bench b(three(one_for_all));
    b.up();
    BOOST_TEST(b.crash("b") == "stop c");
    BOOST_TEST(b.stopped("c") == "stop a");
    BOOST_TEST(b.stopped("a") == "restart a");
    BOOST_TEST(b.ready("a") == "restart b");
    BOOST_TEST(b.ready("b") == "restart c");
    BOOST_TEST(b.ready("c") == "");
    for (int id = 0; id < 3; ++id) BOOST_TEST(b.r.restarts_of(id) == 1u);
}

// rest_for_one: the later ones stop in reverse, the earlier ones stay.
BOOST_AUTO_TEST_CASE(rest_for_one_restarts_the_rest) {
    bench b(three(rest_for_one));
    b.up();
    BOOST_TEST(b.crash("b") == "stop c");
    BOOST_TEST(b.stopped("c") == "restart b");
    BOOST_TEST(b.ready("b") == "restart c");
    BOOST_TEST(b.crash("a") == "stop c");
    BOOST_TEST(b.stopped("c") == "stop b");
    BOOST_TEST(b.stopped("b") == "restart a");
}

// A temporary child in a group restart is stopped, and not started again.
BOOST_AUTO_TEST_CASE(temporary_bystander) {
    bench b(tree_of(one_for_all, {spec_of("a"), spec_of("x", temporary)}));
    b.up();
    BOOST_TEST(b.crash("a") == "stop x");
    BOOST_TEST(b.stopped("x") == "remove x, restart a");
}

// A child that ends by itself while it waits for its stop counts as stopped: its end counts
// nowhere.
BOOST_AUTO_TEST_CASE(ends_before_its_turn_to_stop) {
    auto s = tree_of(one_for_all, {spec_of("a"), spec_of("b"), spec_of("c")});
    s.limit = {1, 60s};
    bench b(s);
    b.up();
    BOOST_TEST(b.crash("a") == "stop c");
    BOOST_TEST(b.crash("b") == "");
    BOOST_TEST(b.stopped("c") == "restart a");
    BOOST_TEST(b.ready("a") == "restart b");
}

// In a group restart the children that are up already stay up until the next try stops them (OTP
// try_again_restart).
BOOST_AUTO_TEST_CASE(group_restart_that_fails_is_tried_again) {
    bench b(three(one_for_all));
    b.up();
    b.crash("a");
    b.stopped("c");
    BOOST_TEST(b.stopped("b") == "restart a");
    BOOST_TEST(b.ready("a") == "restart b");
    BOOST_TEST(b.fail("b") == "stop a");  // the first delay is 0: the next try is now
    BOOST_TEST(b.stopped("a") == "restart a");
    BOOST_TEST(b.ready("a") == "restart b");
    BOOST_TEST(b.fail("b") == "");  // and now 100 ms
    BOOST_TEST(b.of("a") == status::running);
    BOOST_TEST(b.of("b") == status::backing_off);
    BOOST_TEST(b.left().count() == 100);
    BOOST_TEST(b.pass(99ms) == "");
    BOOST_TEST(b.pass(1ms) == "stop a");
    BOOST_TEST(b.stopped("a") == "restart a");
    BOOST_TEST(b.ready("a") == "restart b +100");
    BOOST_TEST(b.ready("b") == "restart c");
}

// Under rest_for_one the next try begins with the child that failed; those before it stay up.
BOOST_AUTO_TEST_CASE(rest_for_one_tries_again_from_the_failed_one) {
    bench b(three(rest_for_one));
    b.up();
    b.crash("a");
    b.stopped("c");
    b.stopped("b");
    b.ready("a");
    BOOST_TEST(b.fail("b") == "restart b");
    BOOST_TEST(b.fail("b") == "");
    BOOST_TEST(b.of("a") == status::running);
    BOOST_TEST(b.pass(100ms) == "restart b +100");
    BOOST_TEST(b.ready("b") == "restart c");
}

// A crash of a child that is up during the delay of another one begins a try at once, which keeps
// the delay of the other one.
BOOST_AUTO_TEST_CASE(crash_while_the_next_try_is_waited_for) {
    bench b(three(one_for_all));
    b.up();
    b.crash("a");
    b.stopped("c");
    b.stopped("b");
    b.ready("a");
    b.fail("b");
    b.stopped("a");
    b.ready("a");
    b.fail("b");                     // 100 ms from now
    BOOST_TEST(b.crash("a") == "");  // its second crash: 100 ms too
    BOOST_TEST(b.pass(100ms) == "restart a +100");
    BOOST_TEST(b.ready("a") == "restart b +100");
}

// Children that are stopped or given up stay down in a group restart (contract §5, a departure from
// OTP).
BOOST_AUTO_TEST_CASE(down_by_intent_stays_down) {
    auto c = spec_of("c");
    c.limit = {0, 60s};
    bench b(tree_of(one_for_all, {spec_of("a"), spec_of("b"), c}));
    b.up();
    BOOST_TEST(b.text(b.r.stop(1, b.now)) == "stop b");
    BOOST_TEST(b.stopped("b") == "stopped b");
    BOOST_TEST(b.crash("c") == "give_up c");
    BOOST_TEST(b.crash("a") == "restart a");
    BOOST_TEST(b.ready("a") == "");
    BOOST_TEST(b.of("b") == status::stopped);
    BOOST_TEST(b.of("c") == status::given_up);
}

// A group restart that overlaps with another one keeps all members of both, in strict reverse
// order.
BOOST_AUTO_TEST_CASE(overlapping_group_restarts) {
    bench b(tree_of(rest_for_one, {}));
    b.boot();
    b.add(spec_of("a"));
    b.ready("a");
    for (const char* name : {"w1", "w2"}) {
        b.add(spec_of(name), {.group = 7});
        b.ready(name);
    }
    b.add(spec_of("z"));
    b.ready("z");
    b.r.stop(b.ids["w1"], b.now);
    b.stopped("w1");
    BOOST_TEST(b.crash("a") == "stop z");
    const auto then = rules::failed_start::is_tried_again;
    BOOST_TEST(b.text(b.r.start(b.ids["w1"], b.now, then)) == "start w1");
    BOOST_TEST(b.fail("w1") == "");  // z is in both groups, and not down yet
    BOOST_TEST(b.stopped("z") == "stop w2");
    BOOST_TEST(b.stopped("w2") == "restart a");
    BOOST_TEST(b.ready("a") == "restart w1");
}

// A child that an operator stopped has left the group: its start by an operator does not make the
// group try again earlier.
BOOST_AUTO_TEST_CASE(stopped_in_a_waiting_group) {
    auto c = spec_of("c");
    c.backoff.edit().first = 5s;
    bench b(tree_of(one_for_all, {spec_of("a"), spec_of("b"), c}));
    b.up();
    b.crash("c");
    b.stopped("b");
    b.stopped("a");  // all wait for c's delay
    BOOST_TEST(b.text(b.r.stop(1, b.now)) == "stopped b");
    BOOST_TEST(b.pass(5s) == "restart a");
    BOOST_TEST(b.ready("a") == "restart c +5000");
    BOOST_TEST(b.fail("c") == "");  // 10 s more, and a stays up until then
    BOOST_TEST(b.text(b.r.start(1, b.now)) == "start b");
    BOOST_TEST(b.of("a") == status::running);
}

// --- delay ---

// `first`, then times `factor` up to `max`; after 0 comes 100 ms. After a stable run it is `first`
// again.
BOOST_AUTO_TEST_CASE(delays_grow_and_are_reset) {
    auto a = spec_of("a");
    a.backoff.edit().max = 300ms;
    a.backoff.edit().reset_after = 5s;
    bench b(tree_of(one_for_one, {a}));
    b.up();
    BOOST_TEST(b.crash("a") == "restart a");
    for (const int expected : {100, 200, 300, 300}) {
        b.ready("a");
        BOOST_TEST(b.crash("a") == "");
        BOOST_TEST(b.left().count() == expected);
        BOOST_TEST(b.pass(milliseconds(expected)) == fmt::format("restart a +{}", expected));
    }
    b.ready("a");
    b.pass(5s);
    BOOST_TEST(b.crash("a") == "restart a");
}

// A start by an operator ends the delay; a stop forgets it.
BOOST_AUTO_TEST_CASE(manual_during_the_delay) {
    auto a = spec_of("a");
    a.backoff.edit().first = 10s;
    bench b(tree_of(one_for_one, {a}));
    b.up();
    b.crash("a");
    BOOST_TEST(b.of("a") == status::backing_off);
    BOOST_TEST(b.text(b.r.start(0, b.now)) == "start a");
    b.ready("a");
    b.crash("a");
    BOOST_TEST(b.text(b.r.stop(0, b.now)) == "stopped a");
    BOOST_TEST((b.r.deadline() == supe::never));
    BOOST_TEST(b.pass(1h) == "");
}

// The end of the tree does not wait for a delay.
BOOST_AUTO_TEST_CASE(shutdown_during_the_delay) {
    auto a = spec_of("a");
    a.backoff.edit().first = 10s;
    bench b(tree_of(one_for_one, {a}));
    b.up();
    b.crash("a");
    BOOST_TEST(b.text(b.r.shutdown(b.now)) == "finished");
}

// A start by an operator in a group that waits for its next try makes that try now.
BOOST_AUTO_TEST_CASE(manual_in_a_waiting_group) {
    bench b(three(one_for_all));
    b.up();
    b.crash("a");
    b.stopped("c");
    b.stopped("b");
    b.ready("a");
    b.fail("b");
    b.stopped("a");
    b.ready("a");
    b.fail("b");
    BOOST_TEST(b.text(b.r.start(1, b.now)) == "stop a");
    BOOST_TEST(b.stopped("a") == "restart a");
    BOOST_TEST(b.ready("a") == "start b");
}

BOOST_AUTO_TEST_SUITE_END()
