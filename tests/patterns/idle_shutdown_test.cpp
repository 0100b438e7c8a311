// Shows that a component that ends when it is idle loses no mail, also while it is ending.
#include "patterns/idle_shutdown.hpp"
#include "supe/simulation/world.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::component;
using supe::simulation::world;

namespace {

constexpr const char* on_demand =
    R"({"name": "t", "children": [{"name": "c", "component": "c", "demand": true}]})";

/// Notes each mail. Ends after 30 s without mail; the end takes `to_end`.
struct worker {
    supe::duration to_end{};
    std::vector<std::string> mails{};

    awaitable<> operator()(component& self) {
        patterns::idle_shutdown idle{self, 30s};
        while (auto mail = co_await idle.next_mail()) {
            mails.push_back(mail->body());
            mail->ack();
        }
        co_await self.time().sleep_for(to_end);
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(idle_shutdown)

// Ends 30 s after its last mail, cleanly, and the next mail starts it again.
BOOST_AUTO_TEST_CASE(ends_and_comes_back) {
    worker c;
    world w;
    w.provide("c", std::ref(c));
    w.run(on_demand);
    BOOST_TEST(w.starts_of("/c") == 0u);
    w.mail("c", "1");
    w.advance(20s);
    w.mail("c", "2");
    w.advance(29s);
    BOOST_TEST(w.pid_of("/c") != 0);
    w.advance(2s);
    BOOST_TEST(w.pid_of("/c") == 0);
    BOOST_TEST(w.count("component-shutdown") == 1u);
    w.mail("c", "3");
    w.run_ready();
    BOOST_TEST(w.starts_of("/c") == 2u);
    BOOST_TEST(c.mails == (std::vector<std::string>{"1", "2", "3"}),
               boost::test_tools::per_element());
    BOOST_TEST(w.count("component-crashed") == 0u);
}

// Mail at every millisecond around the end: each mail is handled exactly once.
BOOST_AUTO_TEST_CASE(nothing_is_lost_in_the_last_moment) {
    for (const auto to_end : {0ms, 5ms}) {
        for (auto late = -10ms; late <= 10ms; late += 1ms) {
            worker c{to_end};
            world w;
            w.provide("c", std::ref(c));
            w.run(on_demand);
            w.mail("c", "1");
            w.advance(30s + late);
            w.mail("c", "2");
            w.advance(1s);
            BOOST_TEST(c.mails.size() == 2u,
                       fmt::format("{} ms to end, mail {} ms late: {}", to_end.count(),
                                   late.count(), c.mails.size()));
            w.advance(60s);
            BOOST_TEST(w.pid_of("/c") == 0);
            BOOST_TEST(w.count("component-crashed") == 0u);
            BOOST_TEST(w.count("mail-dead-lettered") == 0u);
        }
    }
}

// SUPE-SHUTDOWN ends the wait at once; unread mail stays in the mailbox.
BOOST_AUTO_TEST_CASE(ends_when_asked) {
    worker c;
    world w;
    w.provide("c", std::ref(c));
    w.run(on_demand);
    w.mail("c", "1");
    BOOST_TEST(w.stop(1s));
    BOOST_TEST(w.ended_cleanly());
}

BOOST_AUTO_TEST_SUITE_END()
