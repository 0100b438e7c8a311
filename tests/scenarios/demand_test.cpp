// Children that are started when mail waits for them (contract §5 `demand`).
#include "tests/support/players.hpp"

#include <boost/test/unit_test.hpp>

using supe::awaitable;
using supe::component;
using support::player_world;
using namespace std::chrono_literals;
using status = supe::restarter::status;

namespace {

const std::string tree =
    R"({"name": "t", "children": [{"name": "d", "component": "ROLE", "demand": true}, {"name": "b", "component": "diligent"}]})";

std::string with(const std::string& role) {
    return std::string(tree).replace(tree.find("ROLE"), 4, role);
}

/// Takes one mail, acknowledges it and ends.
awaitable<> one_each(component& self) {
    if (auto mail = co_await self.receive()) mail->ack();
}

/// Takes a mail and ends without an ack.
awaitable<> takes_and_leaves(component& self) { co_await self.receive(); }

/// Calls its sibling `b` for each mail, and ends after 100 ms without an answer.
awaitable<> asks_and_leaves(component& self) {
    auto mail = co_await self.receive();
    if (!mail) co_return;
    mail->ack();
    const auto deadline = self.time().now() + 100ms;
    try {
        co_await self.call("b", "1", deadline);
    } catch (const boost::system::system_error&) {}  // timed_out
}

/// Answers each call after a second.
awaitable<> answers_late(component& self) {
    while (auto mail = co_await self.receive()) {
        co_await self.time().sleep_for(1s);
        mail->answer("2");
        mail->ack();
    }
}

struct on_demand : supe::simulation::world {
    explicit on_demand(const std::string& role) {
        support::provide_players(*this);
        provide("one_each", one_each);
        provide("takes_and_leaves", takes_and_leaves);
        run(with(role));
    }
    status of_d() { return root().status_of(*root().find("d")); }
    std::size_t queued() { return root().entry_of(*root().find("d")).mail.box.queued(); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(demand)

// Idle counts as ready. A mail starts it, and each further mail starts it again; its clean ends do
// not count.
BOOST_AUTO_TEST_CASE(comes_and_goes) {
    on_demand w("one_each");
    BOOST_TEST(w.root().is_booted());
    BOOST_TEST(w.of_d() == status::idle);
    BOOST_TEST(w.starts_of("/d") == 0u);
    for (int i = 0; i < 20; ++i) w.mail("/d", "1");
    w.run_ready();
    BOOST_TEST(w.starts_of("/d") == 20u);
    BOOST_TEST(w.queued() == 0u);
    BOOST_TEST(w.of_d() == status::idle);
    BOOST_TEST(w.count("d-auto-restarted") == 0u);
}

// After a crash it starts again only when mail waits, after its delay.
BOOST_AUTO_TEST_CASE(crashes) {
    on_demand w("diligent");
    w.mail("/d", "1");
    w.crash("/d");
    BOOST_TEST(w.of_d() == status::idle);
    w.mail("/d", "2");
    BOOST_TEST(w.starts_of("/d") == 2u);
    w.crash("/d");
    w.mail("/d", "3");
    BOOST_TEST(w.of_d() == status::backing_off);
    w.advance(1s);
    BOOST_TEST(w.queued() == 0u);
}

// A start that leaves its mail unacknowledged counts: it takes no mail, or ends with it in flight.
BOOST_AUTO_TEST_CASE(leaves_its_mail) {
    for (const char* role : {"nothing_to_do", "takes_and_leaves"}) {
        on_demand w(role);
        w.mail("/d", "1");
        w.advance(1min);
        BOOST_TEST(w.of_d() == status::given_up);
        BOOST_TEST(w.starts_of("/d") == 11u);
        BOOST_TEST(w.queued() == 1u);
    }
}

// An answer alone starts nobody: who called for it has ended, and another life did not call. It
// waits for the next mail, and is out of the way then.
BOOST_AUTO_TEST_CASE(late_answers) {
    supe::simulation::world w;
    w.provide("asks_and_leaves", asks_and_leaves);
    w.provide("answers_late", answers_late);
    w.run(R"({"name": "t", "children": [
        {"name": "d", "component": "asks_and_leaves", "demand": true},
        {"name": "b", "component": "answers_late"}]})");
    const auto& box = w.root().entry_of(*w.root().find("d")).mail.box;
    w.mail("/d", "1");
    w.advance(5s);
    BOOST_TEST(w.starts_of("/d") == 1u);
    BOOST_TEST(box.queued() == 1u);
    w.mail("/d", "2");
    BOOST_TEST(w.starts_of("/d") == 2u);
    BOOST_TEST(box.empty());
}

// After a stop it stays down although mail comes; after a start it is idle, or takes the mail.
BOOST_AUTO_TEST_CASE(held_down) {
    on_demand w("diligent");
    BOOST_TEST(w.by_hand(w.root().admin().stop("d")) == "");
    w.mail("/d", "1");
    BOOST_TEST(w.of_d() == status::stopped);
    BOOST_TEST(w.by_hand(w.root().admin().start("d")) == "");
    BOOST_TEST(w.queued() == 0u);
    w.exit("/d");
    BOOST_TEST(w.of_d() == status::idle);
    BOOST_TEST(w.by_hand(w.root().admin().start("d")) == "");
    BOOST_TEST(w.of_d() == status::idle);
}

BOOST_AUTO_TEST_SUITE_END()
