// Shows who gets the next item of patterns::produce_on_demand, and what becomes of it.
#include "patterns/demand.hpp"
#include "supe/async/nursery.hpp"
#include "supe/simulation/world.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::component;
using supe::simulation::world;

namespace {

constexpr supe::time_point start{1h};

std::string turns(patterns::demand_table& table, supe::time_point now = start) {
    std::string all;
    while (const auto who = table.next(now)) all += *who;
    return all;
}

/// Makes the numbers from 1 to `last`. Its consumers take one a second, two at once.
struct scene {
    explicit scene(int most = 1000) : last(most) {
        w.provide("producer", [this](component& self) -> awaitable<> {
            const auto make = [this]() -> awaitable<std::optional<supe::json_body>> {
                if (made == last) co_return std::nullopt;
                co_return supe::json_body(++made);
            };
            co_await patterns::produce_on_demand(self, make);
        });
        w.provide("consumer", [this](component& self) -> awaitable<> {
            const auto body = [&](supe::nursery& all) -> awaitable<> {
                all.start(patterns::want_from(self, "p", 2));
                while (auto item = co_await self.receive()) {
                    co_await self.shutdown_requested_until(self.time().now() + 1s);
                    if (self.shutting_down()) break;
                    got.push_back(item->value().as_int64());
                    item->ack();
                }
                all.cancel();
            };
            co_await supe::with_nursery(self.time(), body);
        });
        w.run(
            R"({"name": "t", "children": [{"name": "p", "component": "producer", "restart": "transient"},
            {"name": "a", "component": "consumer"}, {"name": "b", "component": "consumer"}]})");
    }
    /// All items arrived, each once.
    bool complete() {
        std::ranges::sort(got);
        for (std::size_t i = 0; i < got.size(); ++i)
            if (got[i] != static_cast<std::int64_t>(i + 1)) return false;
        return got.size() == static_cast<std::size_t>(last);
    }
    int last, made = 0;
    std::vector<std::int64_t> got{};
    world w{};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(produce_on_demand)

// As many as each wants, in turn.
BOOST_AUTO_TEST_CASE(in_turn) {
    patterns::demand_table t;
    BOOST_TEST(turns(t) == "");
    t.want("b", 2, start + 1min);
    t.want("a", 4, start + 1min);
    BOOST_TEST(turns(t) == "ababaa");
    BOOST_TEST(turns(t) == "");
    t.arrived("a", false);
    BOOST_TEST(turns(t) == "a");
    t.want("b", 3, start + 1min);
    BOOST_TEST(turns(t) == "b");
    t.want("a", 1, start + 1min);
    t.arrived("a", false);
    BOOST_TEST(turns(t) == "");
}

// One that has not said it again, one that wants no more, and one that is gone get nothing.
BOOST_AUTO_TEST_CASE(who_gets_nothing) {
    patterns::demand_table t;
    t.want("a", 1, start + 1s);
    BOOST_TEST(turns(t, start + 1s) == "");
    t.want("b", 1, start + 1min);
    t.want("b", 0, start + 1min);
    t.want("c", 2, start + 1min);
    BOOST_TEST(t.next(start).value() == "c");
    t.arrived("c", true);
    BOOST_TEST(turns(t) == "");
    t.arrived("nobody", false);
}

// Only so many consumers are remembered; those that are over make room.
BOOST_AUTO_TEST_CASE(too_many_consumers) {
    patterns::demand_table t;
    for (std::size_t i = 0; i < t.most_consumers; ++i)
        BOOST_TEST_REQUIRE(t.want(std::to_string(i), 0, start));
    BOOST_TEST(!t.want("one more", 1, start + 1min));
    BOOST_TEST(t.want("7", 1, start + 1min));
    BOOST_TEST(turns(t) == "7");
    BOOST_TEST(t.want("one more", 1, start + 1min));
}

// In a tree: nothing is made before it is wanted, and what is made is done by both in turn.
BOOST_AUTO_TEST_CASE(in_a_tree) {
    scene s;
    s.w.advance(500ms);
    BOOST_TEST(s.made == 4);
    s.w.advance(10s);
    BOOST_TEST(s.made == 24);
    BOOST_TEST(s.got.size() == 20u);
    BOOST_TEST(s.w.stop(10s));
}

// The end of the items ends the producer, when the last one has arrived.
BOOST_AUTO_TEST_CASE(ends) {
    scene s(7);
    s.w.advance(20s);
    BOOST_TEST(s.complete());
    BOOST_TEST(s.w.pid_of("/p") == 0);
    BOOST_TEST(s.w.starts_of("/p") == 1u);
}

// A consumer that crashes gets its items again, and one that is removed leaves them to the others.
BOOST_AUTO_TEST_CASE(consumers_come_and_go) {
    scene s(30);
    s.w.advance(3500ms);
    BOOST_TEST(s.w.crash("/a"));
    s.w.advance(2s);
    BOOST_TEST(s.w.by_hand(s.w.root().admin().remove("b")) == "");
    s.w.advance(5min);
    BOOST_TEST(s.complete());
}

// A producer that crashes learns within 5 s again what is wanted.
BOOST_AUTO_TEST_CASE(producer_crashes) {
    scene s(30);
    s.w.advance(3500ms);
    BOOST_TEST(s.w.crash("/p"));
    s.w.advance(5min);
    BOOST_TEST(s.complete());
}

// Other mail is refused.
BOOST_AUTO_TEST_CASE(other_mail) {
    scene busy;
    busy.w.mail("p", R"({"want":"much"})");
    busy.w.mail("p", "[]");
    busy.w.advance(1s);
    BOOST_TEST(busy.w.count("mail-dead-lettered") == 2u);
    BOOST_TEST(busy.w.starts_of("/p") == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
