// The rules of restarts one by one: exact actions, without processes and without a clock.
#include "tests/supervision/restarter_bench.hpp"

#include <boost/test/unit_test.hpp>

using namespace restarter_bench;

BOOST_AUTO_TEST_SUITE(restarter)

// --- start and stop of the tree ---

// Children start in order, each when the one before is ready, and stop in strict reverse order.
BOOST_AUTO_TEST_CASE(starts_in_order_and_stops_in_reverse) {
    bench b(three(one_for_one));
    BOOST_TEST(b.boot() == "start a");
    BOOST_TEST(b.ready("a") == "start b");
    BOOST_TEST(b.ready("b") == "start c");
    BOOST_TEST(b.ready("c") == "booted");
    BOOST_TEST(b.text(b.r.shutdown(b.now)) == "stop c");
    BOOST_TEST(b.stopped("c") == "stop b");
    BOOST_TEST(b.stopped("b") == "stop a");
    BOOST_TEST(b.stopped("a") == "finished");
    BOOST_TEST((b.r.deadline() == supe::never));
}

// A supervisor without children is up, and ends, at once.
BOOST_AUTO_TEST_CASE(nothing_to_start) {
    bench b(tree_of(one_for_one, {}));
    BOOST_TEST(b.boot() == "booted");
    BOOST_TEST(b.text(b.r.shutdown(b.now)) == "finished");
}

// A first start that fails fails the tree: the earlier children stop in reverse, and why() names
// the cause.
BOOST_AUTO_TEST_CASE(first_start_fails) {
    bench b(three(one_for_one));
    b.boot();
    b.ready("a");
    b.ready("b");
    BOOST_TEST(b.fail("c") == "stop b");
    BOOST_TEST(b.stopped("b") == "stop a");
    BOOST_TEST(b.stopped("a") == "failed");
    BOOST_TEST(b.r.why() == "child c could not be started: No such file");
}

// A stop while the tree starts: the child that starts is stopped, and the later ones are never
// started.
BOOST_AUTO_TEST_CASE(shutdown_during_the_first_start) {
    bench b(three(one_for_one));
    b.boot();
    b.ready("a");
    BOOST_TEST(b.text(b.r.shutdown(b.now)) == "stop b");
    BOOST_TEST(b.stopped("b") == "stop a");
    BOOST_TEST(b.stopped("a") == "finished");
}

// A crash of a child that is up while others still start is an ordinary crash, not a failed first
// start.
BOOST_AUTO_TEST_CASE(crash_during_the_first_start) {
    bench b(three(one_for_one));
    b.boot();
    b.ready("a");
    BOOST_TEST(b.crash("a") == "restart a");
    BOOST_TEST(b.ready("b") == "start c");
    BOOST_TEST(b.fail("a") == "");
    BOOST_TEST(b.left().count() == 100);
    BOOST_TEST(b.ready("c") == "booted");
    BOOST_TEST(b.pass(100ms) == "restart a +100");
}

// OTP `ignore`: a child that ends cleanly before it is ready has nothing to do. A transient one
// stays in the tree, a temporary one leaves it.
BOOST_AUTO_TEST_CASE(ignored_at_the_first_start) {
    bench b(tree_of(one_for_one, {spec_of("a", transient), spec_of("b", temporary), spec_of("c")}));
    b.boot();
    BOOST_TEST(b.text(b.r.ended(0, {.clean = true, .start_failed = true, .text = ""}, b.now)) ==
               "start b");
    BOOST_TEST(b.text(b.r.ended(1, {.clean = true, .start_failed = true, .text = ""}, b.now)) ==
               "remove b, start c");
    BOOST_TEST(b.ready("c") == "booted");
    BOOST_TEST(b.of("a") == status::stopped);
}

// For a permanent child an end before it is ready is a failed start, even with exit code 0.
BOOST_AUTO_TEST_CASE(permanent_child_ends_before_it_is_ready) {
    bench b(three(one_for_one));
    b.boot();
    BOOST_TEST(b.text(b.r.ended(0, {.clean = true, .start_failed = true, .text = "exit code 0"},
                                b.now)) == "failed");
}

// --- restart types ---

// Permanent: always restarted. Transient: after a crash. Temporary: never, and its spec is removed.
BOOST_AUTO_TEST_CASE(restart_types) {
    bench b(tree_of(one_for_one, {spec_of("p"), spec_of("t", transient), spec_of("x", temporary),
                                  spec_of("y", temporary)}));
    b.up();
    BOOST_TEST(b.exit("p") == "restart p");
    b.ready("p");
    BOOST_TEST(b.crash("t") == "restart t");
    b.ready("t");
    BOOST_TEST(b.exit("t") == "");
    BOOST_TEST(b.of("t") == status::stopped);
    BOOST_TEST(b.exit("x") == "remove x");
    BOOST_TEST(b.crash("y") == "remove y");
    BOOST_TEST(!b.r.has(3));
}

// A transient child that has finished starts again by an operator, with fresh limits.
BOOST_AUTO_TEST_CASE(manual_start_of_a_finished_child) {
    auto t = spec_of("t", transient);
    t.limit = {1, 60s};
    bench b(tree_of(one_for_one, {t, spec_of("b")}));
    b.up();
    b.crash("t");
    b.ready("t");
    b.exit("t");
    BOOST_TEST(b.crash("b") == "restart b");
    b.ready("b");
    BOOST_TEST(b.text(b.r.start(0, b.now)) == "start t");
    b.ready("t");
    BOOST_TEST(b.crash("t") ==
               "restart t");  // the one before the start by an operator is forgotten
}

// Children that have finished, or had nothing to do, start again with their group, in its order
// (OTP start_children): under one_for_all all of them, under rest_for_one those behind. What an
// operator stopped stays down.
BOOST_AUTO_TEST_CASE(finished_children_start_with_their_group) {
    for (const auto strategy : {one_for_all, rest_for_one}) {
        bench b(tree_of(strategy, {spec_of("s", transient), spec_of("a"), spec_of("t", transient),
                                   spec_of("u", transient), spec_of("c")}));
        b.up();
        BOOST_TEST(b.exit("s") == "");
        BOOST_TEST(b.exit("t") == "");
        BOOST_TEST(b.exit("u") == "");
        b.r.stop(b.ids["u"], b.now);
        const bool all = strategy == one_for_all;
        BOOST_TEST(b.crash("a") == "stop c");
        BOOST_TEST(b.stopped("c") == (all ? "restart s" : "restart a"));
        if (all) BOOST_TEST(b.ready("s") == "restart a");
        BOOST_TEST(b.ready("a") == "restart t");
        BOOST_TEST(b.text(b.r.ended(b.ids["t"], {.clean = true, .start_failed = true, .text = ""},
                                    b.now)) == "restart c");
        b.ready("c");
        BOOST_TEST(b.crash("a") == "stop c");
        BOOST_TEST(b.stopped("c") == (all ? "stop s" : ""));
        if (all) BOOST_TEST(b.stopped("s") == "");
        BOOST_TEST(b.pass(100ms) == (all ? "restart s" : "restart a +100"));
        if (all) BOOST_TEST(b.ready("s") == "restart a +100");
        BOOST_TEST(b.ready("a") == "restart t");
    }
}

// A group whose restart fails: a finished member starts at the next try, when its turn comes.
BOOST_AUTO_TEST_CASE(finished_child_and_a_try_that_fails) {
    bench b(tree_of(one_for_all, {spec_of("a"), spec_of("t", transient)}));
    b.up();
    b.exit("t");
    BOOST_TEST(b.crash("a") == "restart a");
    BOOST_TEST(b.fail("a") == "");
    BOOST_TEST(b.of("t") == status::backing_off);
    BOOST_TEST(b.pass(100ms) == "restart a +100");
    BOOST_TEST(b.ready("a") == "restart t");
}

// --- limits ---

// More restarts than the limit within the time: the supervisor stops its children and fails. A
// restart exactly that long ago counts.
BOOST_AUTO_TEST_CASE(limit_of_the_supervisor) {
    auto s = tree_of(one_for_one, {spec_of("a"), spec_of("b")});
    s.limit = {2, 10s};
    bench b(s);
    b.up();
    BOOST_TEST(b.crash("a") == "restart a");
    b.ready("a");
    b.pass(10s);
    BOOST_TEST(b.crash("b") == "restart b");
    b.ready("b");
    BOOST_TEST(b.crash("b") == "stop a");
    BOOST_TEST(b.stopped("a") == "failed");
    BOOST_TEST(b.r.why() == "more than 2 restarts within 10 s; the last was b: exit code 1");
}

// A millisecond later the first restart is forgotten.
BOOST_AUTO_TEST_CASE(limit_forgets) {
    auto s = tree_of(one_for_one, {spec_of("a"), spec_of("b")});
    s.limit = {2, 10s};
    bench b(s);
    b.up();
    b.crash("a");
    b.ready("a");
    b.pass(10001ms);
    b.crash("b");
    b.ready("b");
    BOOST_TEST(b.crash("b") == "");
    BOOST_TEST(b.pass(100ms) == "restart b +100");
}

// A limit of 0: the first crash exceeds it.
BOOST_AUTO_TEST_CASE(limit_of_nought) {
    auto s = tree_of(one_for_one, {spec_of("a")});
    s.limit = {0, 10s};
    bench b(s);
    b.up();
    BOOST_TEST(b.crash("a") == "failed");
}

// Past its own limit a child stays down, and the others go on; its crashes also count for the
// supervisor.
BOOST_AUTO_TEST_CASE(limit_of_a_child) {
    auto a = spec_of("a");
    a.limit = {1, 60s};
    auto s = tree_of(one_for_one, {a, spec_of("b")});
    s.limit = {3, 60s};
    bench b(s);
    b.up();
    b.crash("a");
    b.ready("a");
    BOOST_TEST(b.crash("a") == "give_up a");
    BOOST_TEST(b.of("a") == status::given_up);
    BOOST_TEST(b.crash("b") == "restart b");
    b.ready("b");
    BOOST_TEST(b.crash("b") == "failed");
}

// The first crash past the own limit is let pass when a mail went to the dead letters by it. The
// next one is not.
BOOST_AUTO_TEST_CASE(poison_is_out) {
    auto a = spec_of("a");
    a.limit = {1, 60s};
    bench b(tree_of(one_for_one, {a}));
    b.up();
    const auto poisoned = [&] {
        return b.text(b.r.ended(b.ids["a"], {.poisoned = true, .text = "exit code 1"}, b.now));
    };
    for (int round = 0; round < 2; ++round) {
        BOOST_TEST(b.crash("a") == "restart a");
        b.ready("a");
        const std::string at_once = poisoned();
        BOOST_TEST(at_once + b.pass(1s) == "restart a +100");
        b.ready("a");
        if (round == 0) b.pass(5min);  // within its own limit again
    }
    BOOST_TEST(poisoned() == "give_up a");
}

// on_excessive: escalate. The supervisor fails.
BOOST_AUTO_TEST_CASE(escalates) {
    auto a = spec_of("a");
    a.limit = {0, 60s};
    a.on_excessive = supe::on_excessive_kind::escalate;
    bench b(tree_of(one_for_one, {a, spec_of("b")}));
    b.up();
    BOOST_TEST(b.crash("a") == "stop b");
    BOOST_TEST(b.stopped("b") == "failed");
    BOOST_TEST(b.r.why() == "child a passed its own limit: exit code 1");
}

// A nested supervisor as a child has only its parent's limit.
BOOST_AUTO_TEST_CASE(nested_supervisor_has_no_limit_of_its_own) {
    auto a = spec_of("a");
    a.limit = {0, 60s};
    a.supervisor = std::make_shared<supe::supervisor_spec>();
    bench b(tree_of(one_for_one, {a}));
    b.up();
    BOOST_TEST(b.crash("a") == "restart a");
}

// A group restart counts once: for the child that caused it, and for the supervisor.
BOOST_AUTO_TEST_CASE(group_restart_counts_once) {
    auto a = spec_of("a"), x = spec_of("x");
    x.limit = {0, 60s};
    auto s = tree_of(one_for_all, {a, x});
    s.limit = {2, 60s};
    bench b(s);
    b.up();
    for (int i = 0; i < 2; ++i) {
        b.pass(1s);
        b.crash("a");
        b.stopped("x");
        b.pass(1s);
        b.ready("a");
        b.ready("x");
    }
    BOOST_TEST(b.of("x") == status::running);
    BOOST_TEST(b.crash("a") == "stop x");
    BOOST_TEST(b.stopped("x") == "failed");
}

// Failed tries count: a child whose restart always fails is given up, and the children that waited
// behind it go on.
BOOST_AUTO_TEST_CASE(failed_tries_count) {
    auto a = spec_of("a");
    a.limit = {2, 60s};
    bench b(tree_of(rest_for_one, {a, spec_of("b")}));
    b.up();
    b.crash("a");
    BOOST_TEST(b.stopped("b") == "restart a");
    BOOST_TEST(b.fail("a") == "");
    BOOST_TEST(b.pass(100ms) == "restart a +100");
    BOOST_TEST(b.fail("a") == "give_up a, restart b");
}

// A clean end that was not requested, and is restarted, counts as well.
BOOST_AUTO_TEST_CASE(clean_ends_count) {
    auto s = tree_of(one_for_one, {spec_of("a")});
    s.limit = {1, 60s};
    bench b(s);
    b.up();
    b.exit("a");
    b.ready("a");
    BOOST_TEST(b.exit("a") == "failed");
}

// Commands of an operator count nowhere.
BOOST_AUTO_TEST_CASE(manual_commands_count_nowhere) {
    auto a = spec_of("a");
    a.limit = {0, 60s};
    auto s = tree_of(one_for_one, {a});
    s.limit = {0, 60s};
    bench b(s);
    b.up();
    for (int i = 0; i < 5; ++i) {
        BOOST_TEST(b.text(b.r.restart(0, b.now)) == "stop a");
        BOOST_TEST(b.stopped("a") == "start a");
        b.ready("a");
        BOOST_TEST(b.text(b.r.stop(0, b.now)) == "stop a");
        BOOST_TEST(b.stopped("a") == "stopped a");
        BOOST_TEST(b.text(b.r.start(0, b.now)) == "start a");
        b.ready("a");
    }
    BOOST_TEST(b.r.restarts_of(0) == 0u);
}

// A child that was given up begins with fresh limits when an operator starts it.
BOOST_AUTO_TEST_CASE(start_after_giving_up) {
    auto a = spec_of("a");
    a.limit = {1, 60s};
    bench b(tree_of(one_for_one, {a}));
    b.up();
    b.crash("a");
    b.ready("a");
    b.crash("a");
    BOOST_TEST(b.text(b.r.start(0, b.now)) == "start a");
    b.ready("a");
    BOOST_TEST(b.crash("a") == "restart a");
}

// --- significant ---

supe::supervisor_spec significant_two(supe::auto_shutdown_kind kind, supe::restart_type type) {
    auto a = spec_of("a", type), c = spec_of("c", type);
    a.significant = c.significant = true;
    auto s = tree_of(one_for_one, {a, spec_of("b", temporary), c});
    s.auto_shutdown = kind;
    return s;
}

// any_significant: the first significant child that ends by itself ends the supervisor.
BOOST_AUTO_TEST_CASE(any_significant) {
    bench b(significant_two(supe::auto_shutdown_kind::any_significant, temporary));
    b.up();
    BOOST_TEST(b.exit("b") == "remove b");
    BOOST_TEST(b.crash("a") == "remove a, shut_down badly, stop c");
    BOOST_TEST(b.stopped("c") == "finished");
}

// all_significant: the last one does.
BOOST_AUTO_TEST_CASE(all_significant) {
    bench b(significant_two(supe::auto_shutdown_kind::all_significant, transient));
    b.up();
    BOOST_TEST(b.crash("a") == "restart a");
    b.ready("a");
    BOOST_TEST(b.exit("a") == "");
    BOOST_TEST(b.exit("c") == "shut_down, stop b");
    BOOST_TEST(b.stopped("b") == "finished");
}

// A significant child that had nothing to do ends nobody's tree: at the first start, when it is
// added, in a restart, and when an operator starts it.
BOOST_AUTO_TEST_CASE(significant_with_nothing_to_do) {
    for (const auto kind :
         {supe::auto_shutdown_kind::any_significant, supe::auto_shutdown_kind::all_significant}) {
        for (const auto type : {transient, temporary}) {
            auto s = tree_of(one_for_one, {spec_of("a", type), spec_of("b")});
            s.children[0].significant = true;
            s.auto_shutdown = kind;
            bench b(s);
            const rules::ending nothing{.clean = true, .start_failed = true, .text = "exit code 0"};
            const auto ends = [&](const char* name) {
                return b.text(b.r.ended(b.ids[name], nothing, b.now));
            };
            b.boot();
            BOOST_TEST(ends("a") == (type == temporary ? "remove a, start b" : "start b"));
            b.ready("b");
            auto added = spec_of("c", type);
            added.significant = true;
            b.add(added);
            BOOST_TEST(ends("c") == (type == temporary ? "remove c" : ""));
            if (type == temporary) continue;
            b.r.start(0, b.now);
            BOOST_TEST(ends("a") == "");
            b.r.start(0, b.now);
            b.ready("a");
            BOOST_TEST(b.crash("a") == "restart a");
            BOOST_TEST(ends("a") == "");
            BOOST_TEST(b.of("a") == status::stopped);
            BOOST_TEST(!b.r.is_ending());
        }
    }
}

// never: nothing follows. A stop by an operator never ends the supervisor.
BOOST_AUTO_TEST_CASE(insignificant_ends) {
    bench b(significant_two(supe::auto_shutdown_kind::never, temporary));
    b.up();
    BOOST_TEST(b.exit("a") == "remove a");
    bench c(significant_two(supe::auto_shutdown_kind::any_significant, transient));
    c.up();
    c.r.stop(0, c.now);
    BOOST_TEST(c.stopped("a") == "stopped a");
    BOOST_TEST(!c.r.is_ending());
}

BOOST_AUTO_TEST_SUITE_END()
