// Shows when the retrier asks for retries.
#include "components/retrier/retrier.hpp"
#include "supe/simulation/world.hpp"

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::simulation::world;

namespace {

struct scene {
    world w;
    std::vector<std::string> asked{};

    explicit scene(const std::string& config) {
        w.provide("retrier", components::retrier);
        w.provide("queue", [this](supe::component& self) { return listen(self); });
        w.run(R"({"name": "t", "children": [{"name": "queue", "component": "queue"},
                  {"name": "retrier", "component": "retrier", "max_restarts": 0, "config": )" +
              config + "}]}");
    }
    supe::awaitable<> listen(supe::component& self) {
        while (auto mail = co_await self.receive()) {
            asked.push_back(mail->body());
            mail->ack();
        }
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(retrier)

// Once a period, for the first time after one.
BOOST_AUTO_TEST_CASE(asks_once_a_period) {
    scene s(R"({"every": "30s"})");
    s.w.advance(29s);
    BOOST_TEST(s.asked.size() == 0u);
    s.w.advance(71s);
    BOOST_TEST(s.asked == std::vector<std::string>(3, R"({"retry":true})"),
               boost::test_tools::per_element());
    BOOST_TEST(s.w.stop(1s));
}

// Every five minutes where nothing else is said.
BOOST_AUTO_TEST_CASE(five_minutes_by_default) {
    scene s("{}");
    s.w.advance(11min);
    BOOST_TEST(s.asked.size() == 2u);
}

// A period that makes no sense is no period.
BOOST_AUTO_TEST_CASE(refuses_nonsense) {
    for (const char* config : {R"({"every": "often"})", R"({"every": "0s"})"}) {
        scene s(config);
        BOOST_TEST(s.w.count("component-crashed") == 1u, config);
    }
}

BOOST_AUTO_TEST_SUITE_END()
