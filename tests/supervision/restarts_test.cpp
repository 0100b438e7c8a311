// Stories of restarts in a simulated tree: the real supervisor, no process, no real time.
#include "supe/simulation/world.hpp"

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::component;
using supe::simulation::world;

namespace {

/// Takes and acknowledges mail until it is asked to finish.
awaitable<> diligent(component& self) {
    while (auto mail = co_await self.receive()) co_await mail->ack();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(restarts)

// A crashed child is started again at once, and its sibling never notices.
BOOST_AUTO_TEST_CASE(one_for_one_restarts_only_the_crashed_child) {
    world w;
    w.provide("diligent", diligent);
    w.run(R"({"name": "t", "children": [{"name": "a", "component": "diligent"}, {"name": "b", "component": "diligent"}]})");
    BOOST_TEST(w.count("component-started") == 2u);
    const auto b = w.pid_of("/b");
    w.crash("/a");
    BOOST_TEST(w.count("component-crashed") == 1u);
    BOOST_TEST(w.count("component-auto-restarted") == 1u);
    BOOST_TEST(w.starts_of("/a") == 2u);
    BOOST_TEST(w.pid_of("/b") == b);
    BOOST_TEST(w.stop());
    BOOST_TEST(w.ended_cleanly());
    BOOST_TEST(w.processes() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
