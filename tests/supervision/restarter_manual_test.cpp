// Commands of an operator, and children that come and go: added, removed, on demand, as instances.
#include "tests/supervision/restarter_bench.hpp"

#include <boost/test/unit_test.hpp>

using namespace restarter_bench;

BOOST_AUTO_TEST_SUITE(restarter_manual)

// --- commands of an operator ---

// A restart while it starts: the start is broken off, and a new one follows.
BOOST_AUTO_TEST_CASE(restart_while_starting) {
    bench b(three(one_for_one));
    BOOST_TEST(b.boot() == "start a");
    BOOST_TEST(b.text(b.r.restart(0, b.now)) == "stop a");
    BOOST_TEST(b.stopped("a") == "start a");
    BOOST_TEST(b.ready("a") == "start b");
}

// A stop while it starts: the rest of the tree goes on without it.
BOOST_AUTO_TEST_CASE(stop_while_starting) {
    bench b(three(one_for_one));
    b.boot();
    BOOST_TEST(b.text(b.r.stop(0, b.now)) == "stop a");
    BOOST_TEST(b.stopped("a") == "stopped a, start b");
}

// A start while it stops: it starts again.
BOOST_AUTO_TEST_CASE(start_while_stopping) {
    bench b(three(one_for_one));
    b.up();
    b.r.stop(0, b.now);
    BOOST_TEST(b.text(b.r.start(0, b.now)) == "");
    BOOST_TEST(b.stopped("a") == "start a");
}

// A restart while another one waits for its delay only ends the delay.
BOOST_AUTO_TEST_CASE(restart_while_backing_off) {
    auto a = spec_of("a");
    a.backoff.edit().first = 10s;
    bench b(tree_of(one_for_one, {a}));
    b.up();
    b.crash("a");
    BOOST_TEST(b.text(b.r.restart(0, b.now)) == "start a");
    BOOST_TEST(b.ready("a") == "");
    BOOST_TEST(b.pass(10s) == "");
}

// A stop and a restart of single children during a group restart: the group keeps its order.
BOOST_AUTO_TEST_CASE(manual_in_a_group_restart) {
    bench b(three(one_for_all));
    b.up();
    BOOST_TEST(b.crash("a") == "stop c");
    BOOST_TEST(b.text(b.r.restart(2, b.now)) == "");
    BOOST_TEST(b.text(b.r.stop(1, b.now)) == "stop b");
    BOOST_TEST(b.stopped("b") == "stopped b");
    BOOST_TEST(b.stopped("c") == "restart a");
    BOOST_TEST(b.ready("a") == "start c");
}

// No child can be started while all children are being stopped.
BOOST_AUTO_TEST_CASE(manual_at_the_end) {
    bench b(three(one_for_one));
    b.up();
    b.r.shutdown(b.now);
    BOOST_TEST(b.text(b.r.start(0, b.now)) == "");
    BOOST_TEST(b.text(b.r.restart(0, b.now)) == "");
    BOOST_TEST(b.stopped("c") == "stop b");
}

// OTP restart_child: a start by an operator that fails leaves the child stopped. It counts nowhere,
// is not tried again, and touches no other child, whatever the strategy is.
BOOST_AUTO_TEST_CASE(start_by_an_operator_fails) {
    for (const auto strategy : {one_for_one, one_for_all, rest_for_one}) {
        auto s = three(strategy);
        s.limit = {0, 60s};
        for (auto& c : s.children) c.limit = {0, 60s};
        bench b(s);
        b.up();
        for (int i = 0; i < 3; ++i) {
            BOOST_TEST(b.text(b.r.restart(1, b.now)) == (i == 0 ? "stop b" : "start b"));
            if (i == 0) BOOST_TEST(b.stopped("b") == "start b");
            BOOST_TEST(b.fail("b") == "");
            BOOST_TEST(b.of("b") == status::stopped);
            BOOST_TEST((b.r.deadline() == supe::never));
        }
        BOOST_TEST(b.text(b.r.start(1, b.now)) == "start b");
        b.ready("b");
        BOOST_TEST(b.of("a") == status::running);
        BOOST_TEST(b.crash("b").starts_with("stop "));  // it was ready: an ordinary crash
    }
}

// The same in a delay that the operator ended, for a child that was given up, and for one that
// crashed before it was ready. A start of the tree that an operator only waits for stays one.
BOOST_AUTO_TEST_CASE(whose_start_it_is) {
    auto a = spec_of("a");
    a.backoff.edit().first = 10s;
    a.limit = {1, 60s};
    bench b(tree_of(one_for_one, {a, spec_of("b")}));
    b.up();
    b.crash("a");
    BOOST_TEST(b.text(b.r.start(0, b.now)) == "start a");
    BOOST_TEST(b.fail("a") == "");
    BOOST_TEST(b.of("a") == status::stopped);
    b.r.start(0, b.now);
    b.ready("a");
    b.crash("a");
    b.pass(10s);
    b.r.start(0, b.now);  // it starts already
    BOOST_TEST(b.fail("a") == "give_up a");
    b.r.start(0, b.now);
    BOOST_TEST(b.text(b.r.ended(0, {.start_failed = true, .text = "exit code 1"}, b.now)) == "");
    BOOST_TEST(b.of("a") == status::stopped);
    bench c(three(one_for_one));
    c.boot();
    c.r.start(2, c.now);  // it waits for its turn
    c.ready("a");
    c.ready("b");
    BOOST_TEST(c.fail("c") == "stop b");
}

// A restart by an operator during the first start of the tree, or in a group restart: its failure
// leaves that child stopped, and the others go on.
BOOST_AUTO_TEST_CASE(failed_start_in_a_batch) {
    bench b(three(one_for_all));
    b.boot();
    b.r.restart(0, b.now);
    b.stopped("a");
    BOOST_TEST(b.fail("a") == "start b");
    b.ready("b");
    BOOST_TEST(b.ready("c") == "booted");
    BOOST_TEST(b.crash("b") == "stop c");
    b.r.restart(2, b.now);
    BOOST_TEST(b.stopped("c") == "restart b");
    BOOST_TEST(b.ready("b") == "start c");
    BOOST_TEST(b.fail("c") == "");
    BOOST_TEST(b.of("c") == status::stopped);
}

// A reload restarts a child too, but nobody may be there to act on its failure: it counts, and is
// tried again.
BOOST_AUTO_TEST_CASE(failed_start_of_a_reload) {
    bench b(three(one_for_one));
    b.up();
    b.r.restart(0, b.now, rules::failed_start::is_tried_again);
    BOOST_TEST(b.stopped("a") == "start a");
    BOOST_TEST(b.fail("a") == "restart a");
}

// A new order does not disturb the stops at the end: all children stop, in the order in which they
// started.
BOOST_AUTO_TEST_CASE(new_order_at_the_end) {
    bench b(three(one_for_one));
    b.up();
    BOOST_TEST(b.text(b.r.shutdown(b.now)) == "stop c");
    b.r.order({2, 1, 0});
    BOOST_TEST(b.stopped("c") == "stop b");
    BOOST_TEST(b.stopped("b") == "stop a");
    BOOST_TEST(b.stopped("a") == "finished");
}

// A temporary child leaves the tree when an operator stops it, but not when an operator restarts
// it.
BOOST_AUTO_TEST_CASE(manual_with_a_temporary_child) {
    bench b(tree_of(one_for_one, {spec_of("x", temporary)}));
    b.up();
    b.r.restart(0, b.now);
    BOOST_TEST(b.stopped("x") == "start x");
    b.ready("x");
    b.r.stop(0, b.now);
    BOOST_TEST(b.stopped("x") == "stopped x, remove x");
}

// --- added and removed ---

// An added child starts at once, and then is the last to start and the first to stop.
BOOST_AUTO_TEST_CASE(added) {
    bench b(three(one_for_one));
    b.up();
    BOOST_TEST(b.add(spec_of("d")) == "start d");
    BOOST_TEST(b.ready("d") == "");
    BOOST_TEST(b.text(b.r.shutdown(b.now)) == "stop d");
}

// A child whose first start fails is removed again, and counts nowhere (OTP start_child). Later
// failures count as usual.
BOOST_AUTO_TEST_CASE(added_and_cannot_start) {
    auto s = tree_of(one_for_all, {spec_of("a")});
    s.limit = {0, 60s};
    bench b(s);
    b.up();
    b.add(spec_of("d"));
    BOOST_TEST(b.fail("d") == "remove d");
    b.add(spec_of("e"));
    BOOST_TEST(b.crash("e") == "stop a");  // it crashed after it was up: the limit of 0 is passed
}

// A child that is added while the tree starts waits for its turn, and its failure does not fail the
// tree.
BOOST_AUTO_TEST_CASE(added_during_the_first_start) {
    bench b(three(one_for_one));
    b.boot();
    BOOST_TEST(b.add(spec_of("d")) == "");
    b.ready("a");
    b.ready("b");
    BOOST_TEST(b.ready("c") == "start d, booted");
    BOOST_TEST(b.fail("d") == "remove d");
}

// A child is removed when it has stopped; in a backoff at once.
BOOST_AUTO_TEST_CASE(removed) {
    auto a = spec_of("a");
    a.backoff.edit().first = 10s;
    bench b(tree_of(one_for_one, {a, spec_of("b")}));
    b.up();
    BOOST_TEST(b.text(b.r.remove(1, b.now)) == "stop b");
    BOOST_TEST(b.stopped("b") == "remove b");
    b.crash("a");
    BOOST_TEST(b.text(b.r.remove(0, b.now)) == "remove a");
    BOOST_TEST((b.r.deadline() == supe::never));
}

// A group restart goes on without a member that is removed.
BOOST_AUTO_TEST_CASE(removed_from_a_group_restart) {
    bench b(three(rest_for_one));
    b.up();
    b.crash("a");
    b.stopped("c");
    BOOST_TEST(b.stopped("b") == "restart a");
    BOOST_TEST(b.text(b.r.remove(0, b.now)) == "stop a");
    BOOST_TEST(b.stopped("a") == "remove a, restart b");
}

// A child is added between others: rest_for_one restarts those behind its position.
BOOST_AUTO_TEST_CASE(added_in_the_middle) {
    bench b(three(rest_for_one));
    b.up();
    b.add(spec_of("d"), rules::position::behind(0));
    b.add(spec_of("e"), rules::position::first());
    b.ready("d");
    b.ready("e");
    BOOST_TEST(b.crash("d") == "stop c");
    BOOST_TEST(b.stopped("c") == "stop b");
    BOOST_TEST((b.r.in_order() == std::vector<int>{4, 0, 3, 1, 2}));
    b.r.order({2, 1});
    BOOST_TEST((b.r.in_order() == std::vector<int>{2, 1, 4, 0, 3}));
}

// --- demand ---

supe::supervisor_spec with_demand(supe::strategy_kind strategy) {
    auto d = spec_of("d");
    d.demand = true;
    d.limit = {2, 60s};
    return tree_of(strategy, {d, spec_of("b")});
}

// Idle counts as ready; mail starts it, a clean end makes it idle again.
BOOST_AUTO_TEST_CASE(started_on_demand) {
    bench b(with_demand(one_for_one));
    BOOST_TEST(b.boot() == "start b");
    BOOST_TEST(b.ready("b") == "booted");
    BOOST_TEST(b.of("d") == status::idle);
    b.mail.insert("d");
    BOOST_TEST(b.text(b.r.demanded(0, b.now)) == "start d");
    b.ready("d");
    b.mail.clear();
    BOOST_TEST(b.exit("d") == "");
    BOOST_TEST(b.of("d") == status::idle);
}

// At the end of the supervisor neighbours on demand stop together, the others in reverse.
BOOST_AUTO_TEST_CASE(demand_children_stop_together) {
    std::vector<supe::child_spec> specs;
    for (const char* name : {"q", "d1", "d2", "d3", "z"}) {
        specs.push_back(spec_of(name));
        specs.back().demand = name[0] == 'd';
    }
    bench b(tree_of(one_for_one, std::move(specs)));
    b.up();
    b.mail = {"d1", "d2", "d3"};
    for (int id = 1; id <= 3; ++id) b.r.demanded(id, b.now);
    for (const char* name : {"d1", "d2", "d3"}) b.ready(name);
    BOOST_TEST(b.text(b.r.shutdown(b.now)) == "stop z");
    BOOST_TEST(b.stopped("z") == "stop d3, stop d2, stop d1");
    BOOST_TEST(b.stopped("d1") == "");
    BOOST_TEST(b.stopped("d3") == "");
    BOOST_TEST(b.stopped("d2") == "stop q");
    BOOST_TEST(b.stopped("q") == "finished");
}

// Mail that came while it ended starts it again at once, and counts nowhere.
BOOST_AUTO_TEST_CASE(mail_while_it_ends) {
    bench b(with_demand(one_for_one));
    b.up();
    b.mail.insert("d");
    b.r.demanded(0, b.now);
    for (int i = 0; i < 10; ++i) {
        b.ready("d");
        BOOST_TEST(b.exit("d") == "start d");
    }
}

// A crash is restarted only while mail waits.
BOOST_AUTO_TEST_CASE(demand_child_crashes) {
    bench b(with_demand(one_for_all));
    b.up();
    b.mail.insert("d");
    b.r.demanded(0, b.now);
    b.ready("d");
    BOOST_TEST(b.crash("d") == "stop b");
    BOOST_TEST(b.stopped("b") == "restart d");
    b.ready("d");
    b.ready("b");
    b.mail.clear();
    BOOST_TEST(b.crash("d") == "");
    BOOST_TEST(b.of("d") == status::idle);
    b.mail.insert("d");
    BOOST_TEST(b.text(b.r.demanded(0, b.now)) == "");  // its second delay holds
    BOOST_TEST(b.pass(100ms) == "restart d +100");
}

// A start that takes no mail counts: else it would be started for ever.
BOOST_AUTO_TEST_CASE(start_that_takes_no_mail) {
    bench b(with_demand(one_for_one));
    b.up();
    b.mail.insert("d");
    b.r.demanded(0, b.now);
    const rules::ending lazy{.clean = true, .took_mail = false, .text = "exit code 0"};
    b.ready("d");
    BOOST_TEST(b.text(b.r.ended(0, lazy, b.now)) == "restart d");
    b.ready("d");
    BOOST_TEST(b.text(b.r.ended(0, lazy, b.now)) == "");
    b.pass(100ms);
    b.ready("d");
    BOOST_TEST(b.text(b.r.ended(0, lazy, b.now)) == "give_up d");
    BOOST_TEST(b.text(b.r.demanded(0, b.now)) == "");
}

// A start by an operator that finds no mail leaves it idle. The start for the next mail is none of
// the operator's: its failure counts, and is tried again.
BOOST_AUTO_TEST_CASE(demand_child_started_by_hand) {
    bench b(with_demand(one_for_one));
    b.up();
    b.r.stop(0, b.now);
    BOOST_TEST(b.text(b.r.start(0, b.now)) == "");
    b.mail.insert("d");
    BOOST_TEST(b.text(b.r.demanded(0, b.now)) == "start d");
    b.ready("d");
    b.r.restart(0, b.now);
    b.mail.clear();
    BOOST_TEST(b.stopped("d") == "");
    BOOST_TEST(b.of("d") == status::idle);
    b.mail.insert("d");
    BOOST_TEST(b.text(b.r.demanded(0, b.now)) == "start d");
    BOOST_TEST(b.fail("d") == "restart d");
}

// After a stop it stays down although mail comes; a start makes it idle again.
BOOST_AUTO_TEST_CASE(demand_child_is_held_down) {
    bench b(with_demand(one_for_one));
    b.up();
    BOOST_TEST(b.text(b.r.stop(0, b.now)) == "stopped d");
    b.mail.insert("d");
    BOOST_TEST(b.text(b.r.demanded(0, b.now)) == "");
    BOOST_TEST(b.text(b.r.start(0, b.now)) == "start d");
}

// --- instances ---

// Each instance has its own limit; the name is given up with the last instance.
BOOST_AUTO_TEST_CASE(instances_are_given_up_one_by_one) {
    bench b(tree_of(one_for_one, {}));
    b.boot();
    auto w = spec_of("w1");
    w.limit = {0, 60s};
    for (const char* name : {"w1", "w2", "w3"}) {
        w.name = name;
        b.add(w, {.group = 7});
        b.ready(name);
    }
    BOOST_TEST(b.crash("w1") == "give_up instance w1");
    b.r.stop(2, b.now);
    b.stopped("w3");
    BOOST_TEST(b.crash("w2") == "give_up w2");
}

// rest_for_one: instances do not depend on each other; the children behind the name are restarted.
BOOST_AUTO_TEST_CASE(instances_under_rest_for_one) {
    bench b(tree_of(rest_for_one, {}));
    b.boot();
    for (const char* name : {"w1", "w2"}) {
        b.add(spec_of(name), {.group = 7});
        b.ready(name);
    }
    b.add(spec_of("z"));
    b.ready("z");
    BOOST_TEST(b.crash("w1") == "stop z");
    BOOST_TEST(b.stopped("z") == "restart w1");
    BOOST_TEST(b.ready("w1") == "restart z");
}

BOOST_AUTO_TEST_SUITE_END()
