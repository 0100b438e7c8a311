// Shows how many instances patterns::autoscaler wants, and that a component gets them from its
// supervisor.
#include "patterns/autoscaler.hpp"
#include "supe/simulation/world.hpp"

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::component;
using supe::simulation::world;

namespace {

constexpr patterns::autoscaler_limits limits{.least = 1, .most = 4, .mails_each = 10, .calm = 30s};
constexpr supe::time_point start{1h};

/// Takes one mail a second.
awaitable<> worker(component& self) {
    while (auto mail = co_await self.receive()) {
        co_await self.shutdown_requested_until(self.time().now() + 1s);
        if (!self.shutting_down()) mail->ack();
    }
}

awaitable<> overseer(component& self) { co_await patterns::autoscale(self, "worker", limits); }

struct scene {
    scene() {
        w.provide("worker", worker);
        w.provide("overseer", overseer);
    }
    void run(const char* may) {
        w.run(std::string(R"({"name": "t", "children": [
            {"name": "worker", "component": "worker"},
            {"name": "overseer", "component": "overseer", "may": [)") +
              may + "]}]}");
    }
    std::size_t instances() { return w.root().members("worker").size(); }
    world w{};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(autoscaler)

// It grows at once, up to the most.
BOOST_AUTO_TEST_CASE(grows) {
    patterns::autoscaler a(limits);
    BOOST_TEST(a.decide(start, 1, 0) == 1u);
    BOOST_TEST(a.decide(start, 1, 10) == 1u);
    BOOST_TEST(a.decide(start, 1, 11) == 2u);
    BOOST_TEST(a.decide(start + 1s, 2, 1'000'000) == 4u);
}

// It shrinks to the largest number that the calm time needed.
BOOST_AUTO_TEST_CASE(shrinks_after_a_calm_time) {
    patterns::autoscaler a(limits);
    BOOST_TEST(a.decide(start, 1, 40) == 4u);
    BOOST_TEST(a.decide(start + 10s, 4, 15) == 4u);
    BOOST_TEST(a.decide(start + 20s, 4, 0) == 4u);
    BOOST_TEST(a.decide(start + 29s, 4, 0) == 4u);
    BOOST_TEST(a.decide(start + 30s, 4, 0) == 2u);
    BOOST_TEST(a.decide(start + 39s, 2, 0) == 2u);
    BOOST_TEST(a.decide(start + 40s, 2, 0) == 1u);
    BOOST_TEST(a.decide(start + 10min, 1, 0) == 1u);
}

// A backlog that comes again within the calm time finds its instances.
BOOST_AUTO_TEST_CASE(waves) {
    patterns::autoscaler a(limits);
    for (int wave = 0; wave < 10; ++wave) {
        const supe::time_point now = start + wave * 20s;
        BOOST_TEST(a.decide(now, 3, 30) == 3u);
        BOOST_TEST(a.decide(now + 10s, 3, 0) == 3u);
    }
}

// What it finds at its start it takes for needed: a restart of it takes no instance away at once.
BOOST_AUTO_TEST_CASE(begins_with_what_is_there) {
    patterns::autoscaler a(limits);
    BOOST_TEST(a.decide(start, 3, 0) == 3u);
    BOOST_TEST(a.decide(start + 30s, 3, 0) == 1u);
    patterns::autoscaler narrow(limits);
    BOOST_TEST(narrow.decide(start, 9, 0) == 4u);
}

// In a tree: the backlog brings instances, they work it off, and go. All mail is done.
BOOST_AUTO_TEST_CASE(in_a_tree) {
    scene s;
    s.run(R"("scale")");
    for (int i = 0; i < 100; ++i) s.w.mail("worker", "1");
    s.w.advance(3s);
    BOOST_TEST(s.instances() == 4u);
    BOOST_TEST(s.w.crash("/overseer"));
    s.w.advance(20s);
    BOOST_TEST(s.instances() == 4u);
    s.w.advance(2min);
    BOOST_TEST(s.instances() == 1u);
    BOOST_TEST(s.w.root().entry_of(*s.w.root().members("worker").front()).mail.box.empty());
    BOOST_TEST(s.w.count("mail-dead-lettered") == 0u);
    BOOST_TEST(s.w.stop(10s));
}

// Without the right to scale nothing changes, and the component goes on.
BOOST_AUTO_TEST_CASE(not_allowed) {
    scene s;
    s.run("");
    for (int i = 0; i < 100; ++i) s.w.mail("worker", "1");
    s.w.advance(10min);
    BOOST_TEST(s.instances() == 1u);
    BOOST_TEST(s.w.starts_of("/overseer") == 1u);
    BOOST_TEST(s.w.stop(10s));
}

BOOST_AUTO_TEST_SUITE_END()
