// Shows how a component receives mail: readiness, window, acks, rejections and deadlines, frame by
// frame (contract §2).
#include "tests/component/component_fixture.hpp"

using namespace component_tests;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(receiving)

// The first receive() makes the component ready, with its window; mail comes in order and is
// acknowledged by id.
BOOST_AUTO_TEST_CASE(receives_and_acknowledges) {
    component_fixture s;
    words got;
    BOOST_TEST(s.received().empty());
    s.self->set_window(5);
    s.loop.start(receive_all(*s.self, got, true));
    BOOST_TEST(s.received() == words{signal_frame("READY-TO-RECEIVE-MAIL", R"({"window":5})")});
    s.mail("t-1", R"({ "x" : 1e400 })");
    s.say(R"({"type":"mail","from":"/x/y","msg":null,"id":"t-\u0032","attempt":3})");
    BOOST_TEST(got == (words{"bob t-1 1 { \"x\" : 1e400 }", "/x/y t-2 3 null"}));
    BOOST_TEST(s.received() == (words{signal_frame("ACK-CURRENT-MAIL", R"({"ids":["t-1"]})"),
                                      signal_frame("ACK-CURRENT-MAIL", R"({"ids":["t-2"]})")}));
}

// Acks of one turn leave as one signal.
BOOST_AUTO_TEST_CASE(gathers_acks) {
    component_fixture s;
    words got;
    s.self->set_window(5);
    s.loop.start(receive_all(*s.self, got, true));
    s.received();
    s.say(
        "{\"type\":\"mail\",\"from\":\"a\",\"msg\":1,\"id\":\"1\",\"attempt\":1}\n{\"type\":"
        "\"mail\",\"from\":\"a\",\"msg\":2,\"id\":\"2\",\"attempt\":1}");
    BOOST_TEST(s.received() == words{signal_frame("ACK-CURRENT-MAIL", R"({"ids":["1","2"]})")});
}

// So do those of a batch, which are all given after the last mail was taken.
BOOST_AUTO_TEST_CASE(gathers_acks_of_a_batch) {
    component_fixture s;
    const auto take = [](supe::component& self) -> awaitable<> {
        const supe::batch_limits limits{};
        auto batch = co_await self.receive_batch(limits, supe::never);
        for (supe::mail& m : batch) m.ack();
    };
    s.self->set_window(5);
    s.loop.start(take(*s.self));
    s.received();
    s.say(
        "{\"type\":\"mail\",\"from\":\"a\",\"msg\":1,\"id\":\"1\",\"attempt\":1}\n{\"type\":"
        "\"mail\",\"from\":\"a\",\"msg\":2,\"id\":\"2\",\"attempt\":1}");
    BOOST_TEST(s.received() == words{signal_frame("ACK-CURRENT-MAIL", R"({"ids":["1","2"]})")});
}

// requeue(): back to its position; reject(): to the dead letters, with a reason.
BOOST_AUTO_TEST_CASE(rejects) {
    component_fixture s;
    const auto picky = [](supe::component& self) -> awaitable<> {
        auto first = co_await self.receive();
        first->requeue();
        auto second = co_await self.receive();
        second->reject("too \"odd\"");
    };
    s.loop.start(picky(*s.self));
    s.mail("1", "1");
    s.mail("2", "2");
    BOOST_TEST(s.received() ==
               (words{signal_frame("READY-TO-RECEIVE-MAIL", R"({"window":1})"),
                      signal_frame("REJECT-MAIL", R"({"id":"1","requeue":true,"reason":""})"),
                      signal_frame("REJECT-MAIL",
                                   R"({"id":"2","requeue":false,"reason":"too \"odd\""})")}));
}

// value() reads every message of a mail: deep nesting, numbers beyond a double, lone surrogates.
BOOST_AUTO_TEST_CASE(reads_any_value) {
    component_fixture s;
    words got;
    const auto reader = [&got](supe::component& self) -> awaitable<> {
        while (auto mail = co_await self.receive())
            got.push_back(boost::json::serialize(mail->value()));
    };
    s.loop.start(reader(*s.self));
    const std::string deep = std::string(500, '[') + std::string(500, ']');
    s.mail("1", deep);
    s.mail("2", R"([1e999,"\ud83d"])");
    BOOST_TEST(got == (words{deep, "[1.7976931348623157E308,\"\xef\xbf\xbd\"]"}));
}

// pause() stops deliveries; the next receive() resumes them.
BOOST_AUTO_TEST_CASE(pauses) {
    component_fixture s;
    std::optional<supe::mail> mail;
    const auto one = [&mail](supe::component& self) -> awaitable<> {
        mail = co_await self.receive();
    };
    s.self->pause();
    BOOST_TEST(s.received().empty());
    s.loop.start(one(*s.self));
    s.mail("1", "1");
    s.self->pause();
    s.self->pause();
    s.loop.start(one(*s.self));
    s.mail("2", "2");
    BOOST_TEST(s.received() == (words{signal_frame("READY-TO-RECEIVE-MAIL", R"({"window":1})"),
                                      R"({"type":"signal","signal":"NOT-READY-TO-RECEIVE-MAIL"})",
                                      signal_frame("READY-TO-RECEIVE-MAIL", R"({"window":1})")}));
    BOOST_TEST(mail->id() == "2");
}

// Deadlines: without mail in time the result is empty, and every waiting coroutine has its own
// deadline.
BOOST_AUTO_TEST_CASE(receives_until) {
    component_fixture s;
    words got;
    const auto until = [&got](supe::component& self, supe::duration d,
                              std::string name) -> awaitable<> {
        auto mail = co_await self.receive_until(self.time().now() + d);
        got.push_back(mail ? name + " " + mail->id() : name);
    };
    s.loop.start(until(*s.self, 1s, "a"));
    s.loop.start(until(*s.self, 5s, "b"));
    s.loop.start(until(*s.self, 1h, "c"));
    s.loop.advance(1s);
    BOOST_TEST(got == words{"a"});
    s.loop.advance(4s);
    BOOST_TEST(got == (words{"a", "b"}));
    s.mail("1", "1");
    BOOST_TEST(got == (words{"a", "b", "c 1"}));
    BOOST_TEST(s.loop.armed() == 0u);
}

// receive_batch(): the next mail with what has arrived, or arrives within its time, up to a count
// or a number of bytes. A batch that a shutdown meets is left.
BOOST_AUTO_TEST_CASE(batches) {
    component_fixture s;
    words got;
    s.self->set_window(9);
    const auto batches = [&got](supe::component& self, supe::batch_limits limits) -> awaitable<> {
        for (;;) {
            const supe::time_point until = self.time().now() + 1h;
            auto batch = co_await self.receive_batch(limits, until);
            std::string ids = "batch";
            for (const supe::mail& m : batch) ids += " " + m.id();
            got.push_back(ids);
            if (batch.empty()) co_return;
        }
    };
    s.loop.start(batches(*s.self, {.count = 2, .bytes = 6, .wait = 1s}));
    s.received();
    s.mail("1", "1");
    BOOST_TEST(got.empty());
    s.loop.advance(1s);
    BOOST_TEST(std::exchange(got, {}) == words{"batch 1"});
    s.mail("2", "2");
    s.mail("3", "3");
    BOOST_TEST(std::exchange(got, {}) == words{"batch 2 3"});
    s.mail("4", "444444");
    BOOST_TEST(std::exchange(got, {}) == words{"batch 4"});
    s.loop.advance(1h);
    BOOST_TEST(std::exchange(got, {}) == words{"batch"});
    s.loop.start(batches(*s.self, {}));
    s.mail("5", "5");
    BOOST_TEST(std::exchange(got, {}) == words{"batch 5"});
    s.loop.start(batches(*s.self, {.wait = 1min}));
    s.mail("6", "6");
    s.signal("SUPE-SHUTDOWN", "{}");
    BOOST_TEST(got.back() == "batch");
    BOOST_TEST(s.received().empty());  // no ack, no rejection
}

// take_arrived(): what a shutdown left unread can still be done.
BOOST_AUTO_TEST_CASE(takes_what_has_arrived) {
    component_fixture s;
    s.self->set_window(9);
    const auto wait = [](supe::component& self) -> awaitable<> {
        const supe::batch_limits limits{};
        BOOST_TEST((co_await self.receive_batch(limits, supe::never)).empty());
    };
    s.loop.start(wait(*s.self));
    s.received();
    s.say(
        "{\"type\":\"mail\",\"from\":\"a\",\"msg\":1,\"id\":\"1\",\"attempt\":1}\n{\"type\":"
        "\"mail\",\"from\":\"a\",\"msg\":2,\"id\":\"2\",\"attempt\":1}\n"
        "{\"type\":\"signal\",\"signal\":\"SUPE-SHUTDOWN\",\"data\":{}}");
    for (supe::mail& m : s.self->take_arrived()) m.ack();
    s.loop.run_ready();
    BOOST_TEST(s.received() == words{signal_frame("ACK-CURRENT-MAIL", R"({"ids":["1","2"]})")});
    BOOST_TEST(s.self->take_arrived().empty());
}

// give_back() asks for no more mail, and puts back what was delivered and not received.
BOOST_AUTO_TEST_CASE(gives_back) {
    component_fixture s;
    words got;
    s.self->set_window(3);
    const auto one = [&got](supe::component& self) -> awaitable<> {
        auto mail = co_await self.receive();
        got.push_back(mail->id());
        self.give_back();
    };
    s.loop.start(one(*s.self));
    s.received();
    s.say(
        "{\"type\":\"mail\",\"from\":\"a\",\"msg\":1,\"id\":\"1\",\"attempt\":1}\n{\"type\":"
        "\"mail\",\"from\":\"a\",\"msg\":2,\"id\":\"2\",\"attempt\":1}");
    BOOST_TEST(got == words{"1"});
    BOOST_TEST(s.received() ==
               (words{R"({"type":"signal","signal":"NOT-READY-TO-RECEIVE-MAIL"})",
                      signal_frame("REJECT-MAIL", R"({"id":"2","requeue":true,"reason":""})")}));
}

BOOST_AUTO_TEST_SUITE_END()
