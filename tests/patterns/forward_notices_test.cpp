// Shows that notices of one supervisor reach somebody elsewhere as mail, in virtual time.
#include "patterns/forward_notices.hpp"
#include "supe/simulation/world.hpp"

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::component;
using supe::simulation::world;

namespace {

constexpr const char* shop = R"({"name": "t", "children": [
    {"name": "alerts", "component": "alerts", "mail": {"limit": 3}},
    {"name": "dam", "children": [
        {"name": "web", "component": "web"}, {"name": "messenger", "component": "messenger"}]}]})";

struct scene {
    scene() {
        w.provide("web", [this](component& self) { return web(self); });
        w.provide("messenger", [](component& self) -> awaitable<> {
            const std::vector<std::string> names{"depth", "web-crashed"};
            co_await patterns::forward_notices(self, names, "/alerts");
        });
        w.provide("alerts", [this](component& self) { return alerts(self); });
        w.run(shop);
    }
    /// Publishes what it is told.
    awaitable<> web(component& self) {
        while (auto mail = co_await self.receive()) {
            self.notify("depth", mail->value());
            mail->ack();
        }
    }
    /// Notes its mail; takes none while it is closed.
    awaitable<> alerts(component& self) {
        while (closed) co_await self.time().sleep_for(1s);
        while (auto mail = co_await self.receive()) {
            got.push_back(mail->body());
            mail->ack();
        }
    }
    void publish(int depth) {
        w.mail("/dam/web", std::to_string(depth));
        w.run_ready();
    }
    bool closed = false;
    std::vector<std::string> got{};
    world w{};
};

std::string depth(int n) {
    return R"({"notice":"depth","message":)" + std::to_string(n) + R"(,"from":"/dam/messenger"})";
}

using words = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_SUITE(forward_notices)

// Each notice, in order; those with other names are left out.
BOOST_AUTO_TEST_CASE(in_order) {
    scene s;
    for (int n = 1; n <= 3; ++n) s.publish(n);
    BOOST_TEST(s.got == (words{depth(1), depth(2), depth(3)}), boost::test_tools::per_element());
    BOOST_TEST(s.w.crash("/dam/web"));
    s.w.advance(1s);
    BOOST_TEST_REQUIRE(s.got.size() == 4u);
    BOOST_TEST(s.got.back().starts_with(R"({"notice":"web-crashed","message":{"name":"web")"));
}

// The recipient is down: its mailbox keeps them. It is full: the others wait, in order.
BOOST_AUTO_TEST_CASE(recipient_is_down) {
    scene s;
    s.closed = true;
    BOOST_TEST(s.w.crash("/alerts"));
    s.w.advance(1s);
    for (int n = 1; n <= 8; ++n) s.publish(n);
    s.w.advance(10s);
    BOOST_TEST(s.got.empty());
    s.closed = false;
    s.w.advance(30s);
    BOOST_TEST_REQUIRE(s.got.size() == 8u);
    for (int n = 1; n <= 8; ++n) BOOST_TEST(s.got[static_cast<std::size_t>(n - 1)] == depth(n));
}

// A crash of the one that forwards: the next life begins with the last notice of each name.
BOOST_AUTO_TEST_CASE(forwarder_crashes) {
    scene s;
    s.publish(1);
    BOOST_TEST(s.w.crash("/dam/messenger"));
    s.publish(2);
    s.publish(3);
    s.w.advance(5s);
    BOOST_TEST(s.got.back() == depth(3));
    s.publish(4);
    BOOST_TEST(s.got.back() == depth(4));
}

// It ends when it is asked to.
BOOST_AUTO_TEST_CASE(ends_when_asked) {
    scene s;
    BOOST_TEST(s.w.stop(5s));
    BOOST_TEST(s.w.ended_cleanly());
}

BOOST_AUTO_TEST_SUITE_END()
