// Limits: that of all children together follows their number; what becomes of a child that passed
// its own, with `retry` and where it is significant.
#include "tests/supervision/restarter_bench.hpp"

#include <boost/test/unit_test.hpp>

using namespace restarter_bench;

namespace {

/// Children c0, c1 …, which are restarted without a delay, under the limit by default.
supe::supervisor_spec crowd(int n) {
    std::vector<supe::child_spec> children;
    for (int i = 0; i < n; ++i) {
        children.push_back(spec_of(fmt::format("c{}", i)));
        children.back().backoff.edit().max = 0ms;
    }
    auto s = tree_of(one_for_one, std::move(children));
    s.limit = {};
    return s;
}

/// How many crashes in turn, at one time, it takes to fail the supervisor.
int crashes_until_it_fails(bench& b) {
    int crashes = 0;
    while (!b.r.is_ending() && crashes < 1000) {
        const auto ids = b.r.in_order();
        const std::string& name = b.names.at(ids.at(crashes % ids.size()));
        b.crash(name);
        if (!b.r.is_ending()) b.ready(name);
        ++crashes;
    }
    return crashes;
}

/// A child `a` that is given up at its first crash, and tried again after five minutes.
supe::child_spec retried() {
    auto a = spec_of("a");
    a.limit = {0, 60s};
    a.on_excessive = supe::on_excessive_kind::retry;
    return a;
}

/// Given up.
struct given_up_bench : bench {
    explicit given_up_bench(supe::child_spec a = retried(),
                            supe::auto_shutdown_kind shut = supe::auto_shutdown_kind::never)
        : bench([&] {
              auto s = tree_of(one_for_one, {a, spec_of("b")});
              s.auto_shutdown = shut;
              return s;
          }()) {
        up();
        BOOST_TEST(crash("a") == "give_up a");
        BOOST_TEST(of("a") == status::given_up);
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(restarter_limits)

// Three a child, at least ten.
BOOST_AUTO_TEST_CASE(by_the_number_of_children) {
    for (const auto& [children, limit] : {std::pair{1, 10}, {3, 10}, {4, 12}, {11, 33}}) {
        bench b(crowd(children));
        b.up();
        BOOST_TEST(crashes_until_it_fails(b) == limit + 1);
    }
}

// Eleven children that are killed at the same moment, once each and twice each, go on.
BOOST_AUTO_TEST_CASE(all_at_once) {
    bench b(crowd(11));
    b.up();
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 11; ++i) b.crash(fmt::format("c{}", i));
        for (int i = 0; i < 11; ++i) b.ready(fmt::format("c{}", i));
    }
    BOOST_TEST(!b.r.is_ending());
}

// The limit is that of the children there are: after an addition, and after a removal.
BOOST_AUTO_TEST_CASE(as_the_tree_is_now) {
    bench grown(crowd(3));
    grown.up();
    auto more = spec_of("more");
    more.backoff.edit().max = 0ms;
    grown.add(more);
    grown.ready("more");
    BOOST_TEST(crashes_until_it_fails(grown) == 13);
    bench shrunk(crowd(5));
    shrunk.up();
    shrunk.r.remove(0, shrunk.now);
    shrunk.stopped("c0");
    BOOST_TEST(crashes_until_it_fails(shrunk) == 13);
    bench stated(crowd(5));
    stated.up();
    auto spec = stated.spec;
    spec.limit = {2, 10s};
    stated.r.change(spec);
    BOOST_TEST(crashes_until_it_fails(stated) == 3);
}

// retry: it is given up, and begins anew after `retry_after`, with an empty count.
BOOST_AUTO_TEST_CASE(begins_anew) {
    auto a = retried();
    a.limit.count = 1;
    bench b(tree_of(one_for_one, {a}));
    b.up();
    b.crash("a");
    b.ready("a");
    BOOST_TEST(b.crash("a") == "give_up a");
    BOOST_TEST((b.left() == 5min));
    BOOST_TEST((b.r.retry_of(0) == b.now + 5min));
    BOOST_TEST(b.pass(5min - 1ms) == "");
    BOOST_TEST(b.of("a") == status::given_up);
    BOOST_TEST(b.pass(1ms) == "restart a +300000");
    BOOST_TEST((b.r.retry_of(0) == supe::never));
    b.ready("a");
    BOOST_TEST(b.crash("a") == "restart a");
    b.ready("a");
    BOOST_TEST(b.crash("a") == "give_up a");
    BOOST_TEST((b.left() == 5min));
}

// A new try that fails counts, and is followed by the next one.
BOOST_AUTO_TEST_CASE(the_new_try_fails) {
    given_up_bench b;
    b.pass(5min);
    BOOST_TEST(b.fail("a") == "give_up a");
    BOOST_TEST(b.pass(5min) == "restart a +300000");
}

// What an operator asks for meanwhile is in place of the new try.
BOOST_AUTO_TEST_CASE(an_operator_comes_first) {
    given_up_bench started;
    BOOST_TEST(started.text(started.r.start(0, started.now)) == "start a");
    given_up_bench restarted;
    BOOST_TEST(restarted.text(restarted.r.restart(0, restarted.now)) == "start a");
    given_up_bench stopped;
    BOOST_TEST(stopped.text(stopped.r.stop(0, stopped.now)) == "stopped a");
    BOOST_TEST(stopped.of("a") == status::stopped);
    given_up_bench removed;
    BOOST_TEST(removed.text(removed.r.remove(0, removed.now)) == "remove a");
    given_up_bench ending;
    BOOST_TEST(ending.text(ending.r.shutdown(ending.now)) == "stop b");
    for (bench* b :
         std::initializer_list<bench*>{&started, &restarted, &stopped, &removed, &ending}) {
        BOOST_TEST((b->r.deadline() == supe::never));
        BOOST_TEST(b->pass(5min) == "");
    }
}

// It stays down in the restart of a group, and then begins anew alone.
BOOST_AUTO_TEST_CASE(in_a_group) {
    bench b(tree_of(one_for_all, {retried(), spec_of("b")}));
    b.up();
    BOOST_TEST(b.crash("a") == "give_up a");
    BOOST_TEST(b.crash("b") == "restart b");
    b.ready("b");
    BOOST_TEST(b.pass(5min) == "restart a +300000");
}

// A child on demand is idle after the time, until mail waits for it.
BOOST_AUTO_TEST_CASE(on_demand) {
    auto d = retried();
    d.demand = true;
    bench b(tree_of(one_for_one, {d}));
    b.up();
    b.mail.insert("a");
    b.r.demanded(0, b.now);
    b.ready("a");
    BOOST_TEST(b.crash("a") == "give_up a");
    b.mail.clear();
    BOOST_TEST(b.pass(5min) == "");
    BOOST_TEST(b.of("a") == status::idle);
}

// A significant child that is given up has ended, and not cleanly; not with `retry`.
BOOST_AUTO_TEST_CASE(significant) {
    auto a = spec_of("a", transient);
    a.significant = true;
    a.limit = {0, 60s};
    auto s = tree_of(one_for_one, {a, spec_of("b")});
    s.auto_shutdown = supe::auto_shutdown_kind::any_significant;
    bench b(s);
    b.up();
    BOOST_TEST(b.crash("a") == "give_up a, shut_down badly, stop b");
    BOOST_TEST(b.r.why() == "its significant child a ended: exit code 1");
    BOOST_TEST(b.stopped("b") == "finished");
    a.on_excessive = supe::on_excessive_kind::retry;
    given_up_bench goes_on(a, supe::auto_shutdown_kind::any_significant);
    BOOST_TEST(!goes_on.r.is_ending());
    BOOST_TEST(goes_on.pass(5min) == "restart a +300000");
}

// all_significant: one that begins anew later has not ended. Any end that was not clean makes it a
// bad one, unless that child ran again since.
BOOST_AUTO_TEST_CASE(all_significant) {
    auto a = retried(), b = spec_of("b", transient), c = spec_of("c", transient);
    a.restart = transient;
    a.significant = b.significant = c.significant = true;
    b.limit = {0, 60s};
    auto s = tree_of(one_for_one, {a, b, c});
    s.auto_shutdown = supe::auto_shutdown_kind::all_significant;
    const auto ends = [&](bool again) {
        bench t(s);
        t.up();
        t.crash("a");
        BOOST_TEST(t.crash("b") == "give_up b");
        if (again) {
            t.r.start(1, t.now);
            t.ready("b");
            t.exit("b");
        }
        BOOST_TEST(t.exit("c") == "");
        BOOST_TEST(t.pass(5min) == "restart a +300000");
        t.ready("a");
        return t.exit("a");
    };
    BOOST_TEST(ends(false) == "shut_down badly, finished");
    BOOST_TEST(ends(true) == "shut_down, finished");
}

BOOST_AUTO_TEST_SUITE_END()
