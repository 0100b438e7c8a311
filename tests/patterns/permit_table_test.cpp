// Shows every rule of the table of permits, step by step, without a clock.
#include "patterns/permit_table.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using patterns::permit_holder;
using table = patterns::permit_table;

namespace {

const permit_holder a{"/a", 11}, b{"/b", 12}, c{"/c", 13};
const supe::time_point start = supe::time_point{} + 1h;

/// `request>address=number` of each grant.
std::string given(table& permits) {
    std::string text;
    for (const auto& g : permits.give())
        text += fmt::format("{}>{}={} ", g.to.request, g.to.holder.address, g.number);
    return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(permit_table)

// Grants as many permits as there are, in the order of the requests, and the next one when one is
// given back.
BOOST_AUTO_TEST_CASE(first_come_first_served) {
    table t(2, 1s);
    t.ask({"1", a});
    t.ask({"2", b});
    t.ask({"3", c});
    t.ask({"4", a});
    BOOST_TEST(given(t) == "1>/a=1 2>/b=2 ");
    BOOST_TEST(given(t) == "");
    BOOST_TEST(t.anyone_waits());
    BOOST_TEST((t.askers() == std::set<permit_holder>{a, c}));
    BOOST_TEST((t.holders() == std::set<permit_holder>{a, b}));
    BOOST_TEST(t.release(2, "/b"));
    BOOST_TEST(given(t) == "3>/c=3 ");
    BOOST_TEST(t.release(1, "/a"));
    BOOST_TEST(given(t) == "4>/a=4 ");
    BOOST_TEST(!t.anyone_waits());
}

// A request that is delivered twice is one request; the same id from another holder is another
// request.
BOOST_AUTO_TEST_CASE(the_same_request_is_one) {
    table t(3, 1s);
    t.ask({"1", a});
    t.ask({"1", a});
    t.ask({"1", b});
    BOOST_TEST(given(t) == "1>/a=1 1>/b=2 ");
}

// Only the holder gives a permit back, and only once: a late message about an earlier grant frees
// nothing.
BOOST_AUTO_TEST_CASE(only_the_holder_gives_back) {
    table t(1, 1s);
    t.ask({"1", a});
    BOOST_TEST(given(t) == "1>/a=1 ");
    BOOST_TEST(!t.release(1, "/b"));
    BOOST_TEST(!t.release(2, "/a"));
    BOOST_TEST(!t.release(0, "/a"));
    BOOST_TEST(t.release(1, "/a"));
    BOOST_TEST(!t.release(1, "/a"));
    t.ask({"2", a});
    BOOST_TEST(given(t) == "2>/a=2 ");
    BOOST_TEST(!t.release(1, "/a"));
    t.abandon(1, "/a", start);
    BOOST_TEST(t.holders().size() == 1u);
}

// An abandoned permit rests, and is granted again exactly after its rest.
BOOST_AUTO_TEST_CASE(abandoned_ones_rest) {
    table t(1, 1s);
    t.ask({"1", a});
    given(t);
    BOOST_TEST((t.rested_at() == supe::never));
    t.abandon(1, "/a", start);
    t.ask({"2", b});
    BOOST_TEST(given(t) == "");
    BOOST_TEST(!t.all_free());
    BOOST_TEST((t.rested_at() == start + 1s));
    t.wake(start + 1s - 1ns);
    BOOST_TEST(given(t) == "");
    t.wake(start + 1s);
    BOOST_TEST(given(t) == "2>/b=2 ");
    BOOST_TEST((t.rested_at() == supe::never));
}

// A dead holder: all its permits rest, and its requests are forgotten; another life of the same
// name keeps its own.
BOOST_AUTO_TEST_CASE(the_dead_hold_and_ask_for_nothing) {
    table t(3, 1s);
    const permit_holder next_life{"/a", 99};
    t.ask({"1", a});
    t.ask({"2", a});
    t.ask({"3", next_life});
    t.ask({"4", a});
    t.ask({"5", b});
    BOOST_TEST(given(t) == "1>/a=1 2>/a=2 3>/a=3 ");
    t.gone(a, start);
    BOOST_TEST((t.holders() == std::set<permit_holder>{next_life}));
    BOOST_TEST((t.askers() == std::set<permit_holder>{b}));
    BOOST_TEST(given(t) == "");
    t.wake(start + 1s);
    BOOST_TEST(given(t) == "5>/b=4 ");
    t.gone(c, start);
    BOOST_TEST(!t.all_free());
}

// The deadline is the earliest end of a rest; permits whose rest began later go on resting.
BOOST_AUTO_TEST_CASE(each_rests_for_itself) {
    table t(2, 1s);
    t.ask({"1", a});
    t.ask({"2", b});
    given(t);
    t.gone(b, start + 300ms);
    t.gone(a, start);
    BOOST_TEST((t.rested_at() == start + 1s));
    t.wake(start + 1s);
    BOOST_TEST((t.rested_at() == start + 1300ms));
    t.ask({"3", c});
    t.ask({"4", c});
    BOOST_TEST(given(t) == "3>/c=3 ");
    t.wake(start + 1300ms);
    BOOST_TEST(given(t) == "4>/c=4 ");
}

// After an unclean end of a lock all permits rest; after a clean end all are free.
BOOST_AUTO_TEST_CASE(rest_all) {
    table t(2, 1s);
    BOOST_TEST(t.all_free());
    t.rest_all(start);
    BOOST_TEST(!t.all_free());
    t.ask({"1", a});
    BOOST_TEST(given(t) == "");
    t.wake(start + 1s);
    BOOST_TEST(given(t) == "1>/a=1 ");
    BOOST_TEST(!t.all_free());
    t.release(1, "/a");
    BOOST_TEST(t.all_free());
}

BOOST_AUTO_TEST_SUITE_END()
