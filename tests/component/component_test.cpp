// Shows a component's side of the channel besides mail and notices: config, readiness, shutdown,
// and a supervisor that is gone.
#include "tests/component/component_fixture.hpp"

using namespace component_tests;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(component)

// config() asks once and keeps the answer; a SUPE-START that came before is sufficient. Without a
// config it is null.
BOOST_AUTO_TEST_CASE(config) {
    for (const bool unasked : {false, true}) {
        component_fixture s;
        words got;
        const auto read = [&got](supe::component& self) -> awaitable<> {
            got.push_back(boost::json::serialize(co_await self.config()));
        };
        if (unasked) s.signal("SUPE-START", R"({"address":"/a/me","config":{"k":1}})");
        s.loop.start(read(*s.self));
        BOOST_TEST(s.received() ==
                   (unasked ? words{} : words{R"({"type":"signal","signal":"READY-FOR-CONFIG"})"}));
        if (!unasked) s.signal("SUPE-START", R"({"address":"/a/me","config":{"k":1}})");
        s.loop.start(read(*s.self));
        BOOST_TEST(s.received().empty());
        BOOST_TEST(got == (words{"{\"k\":1}", "{\"k\":1}"}));
    }
    component_fixture s;
    std::string none, closed;
    const auto read = [&none](supe::component& self) -> awaitable<> {
        none = boost::json::serialize(co_await self.config());
    };
    s.loop.start(read(*s.self));
    s.loop.run_ready();
    s.signal("SUPE-START", R"({"address":"/a/me"})");
    BOOST_TEST(none == "null");
    component_fixture gone;
    gone.loop.start(outcome(read(*gone.self), closed));
    gone.hang_up();
    BOOST_TEST(closed == text(mail_error::channel_closed));
}

// The name and address of a component, COMPONENT-READY and the watchdog's ping.
BOOST_AUTO_TEST_CASE(name_readiness_and_ping) {
    component_fixture s;
    BOOST_TEST(s.self->name() == "me");
    BOOST_TEST(s.self->address() == "/a/me");
    s.self->ready();
    s.self->alive();
    BOOST_TEST(s.received() == (words{R"({"type":"signal","signal":"COMPONENT-READY"})",
                                      R"({"type":"signal","signal":"COMPONENT-ALIVE"})"}));
}

// SUPE-SHUTDOWN ends every wait for mail and shortens sleeps. Mail that was not received stays in
// flight.
BOOST_AUTO_TEST_CASE(shuts_down) {
    component_fixture s;
    words got;
    std::string asked, slept;
    const auto sleep = [](supe::component& self) -> awaitable<> {
        co_await self.shutdown_requested_until(self.time().now() + 1h);
    };
    s.loop.start(receive_all(*s.self, got, true));
    s.loop.start(outcome(s.self->shutdown_requested(), asked));
    s.loop.start(outcome(sleep(*s.self), slept));
    s.loop.run_ready();
    BOOST_TEST(!s.self->shutting_down());
    s.say(
        "{\"type\":\"signal\",\"signal\":\"SUPE-SHUTDOWN\"}\n{\"type\":\"mail\",\"from\":\"a\","
        "\"msg\":1,\"id\":\"1\",\"attempt\":1}");
    BOOST_TEST(got == words{"end"});
    BOOST_TEST(asked + slept == "donedone");
    BOOST_TEST(s.self->shutting_down());
    BOOST_TEST(s.loop.armed() == 0u);
}

// When the supervisor is gone, all waits end, and later sends do no harm.
BOOST_AUTO_TEST_CASE(the_supervisor_is_gone) {
    component_fixture s;
    words got;
    std::string watched;
    std::optional<supe::notice> last = supe::notice{};
    const auto watch = [&](supe::component& self) -> awaitable<> {
        supe::watch w = co_await self.watch_notice("n");
        last = co_await w.next();
    };
    s.loop.start(receive_all(*s.self, got, false));
    s.loop.start(outcome(watch(*s.self), watched));
    s.mail("1", "1");
    s.signal("NOTICEBOARD-RESPONSE", R"({"type":"watch","notice":"n","success":true})");
    s.hang_up();
    BOOST_TEST(got == (words{"bob 1 1 1", "end"}));
    BOOST_TEST(watched == "done");
    BOOST_TEST(!last);
    BOOST_TEST(s.self->shutting_down());
    s.self->tell("a", "1");
    s.self->ready();
    s.self->notify("n", nullptr);
    s.loop.run(s.self->flushed());
}

// flushed() is done when the supervisor's end has taken everything, however slowly it reads.
BOOST_AUTO_TEST_CASE(flushes) {
    component_fixture s;
    std::string flushed;
    const std::string large = '"' + std::string(3 << 20, 'x') + '"';
    s.self->tell("a", large);
    s.loop.start(outcome(s.self->flushed(), flushed));
    s.loop.run_ready();
    BOOST_TEST(flushed == "");
    BOOST_TEST(s.received().at(0).size() > large.size());
    BOOST_TEST(flushed == "done");
    BOOST_TEST(s.loop.armed() == 0u);
}

// A mail of full size arrives while another one leaves: neither side waits for the other.
BOOST_AUTO_TEST_CASE(large_bodies) {
    component_fixture s;
    words got;
    s.loop.start(receive_all(*s.self, got, true));
    s.received();
    const std::string base64 = '"' + std::string(150000, 'A') + "==\"";
    s.self->tell("a", '"' + std::string(3 << 20, 'x') + '"');
    s.mail("1", base64);
    BOOST_TEST(got.size() == 1u);
    BOOST_TEST(got.at(0) == "bob 1 1 " + base64);
    BOOST_TEST(s.received().size() == 2u);
}

// A component ignores frames that it does not know.
BOOST_AUTO_TEST_CASE(strange_frames) {
    component_fixture s;
    words got;
    s.loop.start(receive_all(*s.self, got, false));
    for (
        const std::string frame :
        {"", "1", "not json", "{}", R"({"cmd":"NODE_HANDLE"})",
         R"({"type":"signal","signal":"WHAT","data":[1]})", R"({"type":"signal"})",
         R"({"type":"signal","signal":"MAIL-ACKED"})",
         R"({"type":"signal","signal":"MAIL-ACKED","data":5})",
         R"({"type":"signal","signal":"NOTICEBOARD-EVENT","data":{"notice":"x"}})",
         R"({"type":"signal","signal":"NOTICEBOARD-RESPONSE","data":{"type":"watch","notice":"x"}})"})
        s.say(frame);
    s.mail("1", "1");
    BOOST_TEST(got == words{"bob 1 1 1"});
}

BOOST_AUTO_TEST_SUITE_END()
