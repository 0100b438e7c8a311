// Shows how a component sends mail, waits for its outcome, calls and answers, frame by frame
// (contract §2).
#include "tests/component/component_fixture.hpp"

#include <boost/asio/error.hpp>

using namespace component_tests;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(sending)

// tell(): one frame, without waiting. A body over several lines is still one frame; a body that is
// not JSON is refused at once.
BOOST_AUTO_TEST_CASE(tells) {
    component_fixture s;
    s.self->tell("/x/\"y\"", "{\n  \"a\": [1,\n 2]\n}");
    s.self->tell("", "1");
    BOOST_TEST(s.received() == (words{R"({"type":"mail","to":"/x/\"y\"","msg":{   "a": [1,  2] }})",
                                      R"({"type":"mail","to":"","msg":1})"}));
    for (const std::string bad : {"", "{", "1 2", "\xff", "\"\n\"", "{\"a\":1}}\n{"})
        BOOST_CHECK_THROW(s.self->tell("x", bad), std::invalid_argument);
    BOOST_TEST(s.received().empty());
}

// A body is JSON text, or a value of any kind; a string is always text.
BOOST_AUTO_TEST_CASE(bodies) {
    component_fixture s;
    const boost::json::object object{{"id", 7}};
    const std::string text = "[1]";
    s.self->tell("x", object);
    s.self->tell("x", {{"id", 7}, {"ok", true}});
    s.self->tell("x", text);
    s.self->tell("x", std::string_view(text));
    s.self->tell("x", boost::json::value("hello"));
    s.self->tell("x", boost::json::string("hello"));
    s.self->tell("x", boost::json::array{1, 2});
    s.self->tell("x", nullptr);
    s.self->answer("x", "c", 0.5);
    s.self->notify("n", "{\n}");
    BOOST_CHECK_THROW(s.self->tell("x", "hello"), std::invalid_argument);
    BOOST_CHECK_THROW(s.self->notify("n", "hello"), std::invalid_argument);
    const auto sent = [](std::string_view msg) {
        return fmt::format(R"({{"type":"mail","to":"x","msg":{}}})", msg);
    };
    BOOST_TEST(s.received() ==
               (words{sent(R"({"id":7})"), sent(R"({"id":7,"ok":true})"), sent("[1]"), sent("[1]"),
                      sent(R"("hello")"), sent(R"("hello")"), sent("[1,2]"), sent("null"),
                      R"({"type":"mail","to":"x","msg":5E-1,"re":"c"})",
                      signal_frame("NOTICEBOARD-REQUEST",
                                   R"({"type":"notify","notice":"n","message":{ }})")}));
}

// All sending functions refuse a body that is too large for a frame at once; a body below the limit
// is sent.
BOOST_AUTO_TEST_CASE(frame_limit) {
    component_fixture s({.frame_limit = 1000});
    const auto too_large = [](const supe::system_error& e) {
        return e.code() == boost::asio::error::message_size;
    };
    const std::string large = '"' + std::string(1000 - 32, 'x') + '"';
    BOOST_CHECK_EXCEPTION(s.self->tell("x", large), supe::system_error, too_large);
    BOOST_CHECK_EXCEPTION(s.loop.run(s.self->send("x", large)), supe::system_error, too_large);
    BOOST_CHECK_EXCEPTION(s.loop.run(s.self->deliver("x", large)), supe::system_error, too_large);
    const auto call = [&]() -> awaitable<> { co_await s.self->call("x", large); };
    BOOST_CHECK_EXCEPTION(s.loop.run(call()), supe::system_error, too_large);
    BOOST_CHECK_EXCEPTION(s.self->answer("x", "1", large), supe::system_error, too_large);
    BOOST_CHECK_EXCEPTION(s.self->notify("x", boost::json::string(large)), supe::system_error,
                          too_large);
    const auto tried = [&]() -> awaitable<> {
        const supe::error_code e = co_await s.self->try_deliver("x", large);
        BOOST_TEST((e == boost::asio::error::message_size));
    };
    s.loop.run(tried());
    BOOST_TEST(s.received().empty());
    const std::string fits = '"' + std::string(1000 - 33, 'x') + '"';
    s.self->tell("x", fits);
    BOOST_TEST(s.received().at(0).size() == 1000u);
}

// send() is done when the mail is accepted, deliver() when it is acknowledged. Both throw
// otherwise.
BOOST_AUTO_TEST_CASE(sends_and_delivers) {
    component_fixture s;
    std::string sent, delivered;
    s.loop.start(outcome(s.self->send("a", "1"), sent));
    s.loop.start(outcome(s.self->deliver("b", "2"), delivered));
    BOOST_TEST(
        s.received() ==
        (words{R"({"type":"mail","to":"a","msg":1,"id":"1"})",
               R"({"type":"mail","to":"b","msg":2,"id":"2","receipt":true,"dead_letter":false})"}));
    s.signal("MAIL-ACCEPTED", R"({"id":"2"})");
    s.signal("MAIL-ACKED", R"({"id":"17"})");
    BOOST_TEST(sent + delivered == "");
    s.signal("MAIL-ACCEPTED", R"({"id":"1"})");
    BOOST_TEST(sent == "done");
    s.signal("MAIL-ACKED", R"({"id":"2"})");
    BOOST_TEST(delivered == "done");
    s.signal("MAIL-ACKED", R"({"id":"2"})");  // once more: no coroutine waits for it
}

// Each reason of contract §2 has its error.
BOOST_AUTO_TEST_CASE(undeliverable) {
    const std::pair<const char*, mail_error> reasons[] = {
        {"unknown-address", mail_error::unknown_address},
        {"mailbox-full", mail_error::mailbox_full},
        {"dead-lettered", mail_error::dead_lettered},
        {"removed", mail_error::removed},
        {"supervisor-died", mail_error::supervisor_died}};
    for (const auto& [reason, error] : reasons) {
        component_fixture s;
        std::string sent;
        s.loop.start(outcome(s.self->send("a", "1"), sent));
        s.received();
        s.signal("MAIL-UNDELIVERABLE", fmt::format(R"({{"id":"1","reason":"{}"}})", reason));
        BOOST_TEST(sent == text(error));
    }
}

// try_deliver(): timed_out at the deadline, and a late answer has no effect.
BOOST_AUTO_TEST_CASE(gives_up_at_the_deadline) {
    component_fixture s;
    supe::error_code code;
    const auto try_it = [&]() -> awaitable<> {
        code = co_await s.self->try_deliver("a", "1", s.loop.now() + 5s);
    };
    s.loop.start(try_it());
    s.loop.advance(4s);
    BOOST_TEST(!code);
    s.loop.advance(1s);
    BOOST_TEST((code == mail_error::timed_out));
    s.signal("MAIL-ACKED", R"({"id":"1"})");
    BOOST_TEST(s.loop.armed() == 0u);
}

// call(): `re` identifies the answer, which is acknowledged and passes mail that waits;
// MAIL-ACCEPTED and MAIL-ACKED are not the answer.
BOOST_AUTO_TEST_CASE(calls) {
    component_fixture s;
    std::string answer;
    const auto call = [&]() -> awaitable<> {
        const supe::mail m = co_await s.self->call("/db", R"({"get":1})");
        answer = m.from() + " " + m.body() + " " + m.answers();
    };
    s.loop.start(call());
    const words asked = s.received();
    const std::string beginning =
        R"({"type":"mail","to":"/db","msg":{"get":1},"id":"1","receipt":true,"call":")";
    BOOST_TEST_REQUIRE(asked.at(0).starts_with(beginning));
    const std::string name = asked[0].substr(
        beginning.size(), asked[0].size() - beginning.size() - 2);  // it differs in each life
    BOOST_TEST(name.ends_with("-1"));
    s.signal("MAIL-ACCEPTED", R"({"id":"1"})");
    s.signal("MAIL-ACKED", R"({"id":"1"})");
    s.mail("t-5", "0", R"(,"re":"77")");  // the answer to another call, whose caller no longer
                                          // waits: acknowledged and dropped
    BOOST_TEST(answer == "");
    s.mail("t-6", "42", R"(,"re":")" + name + "\"");
    BOOST_TEST(answer == "bob 42 " + name);
    BOOST_TEST(s.received() == (words{signal_frame("ACK-CURRENT-MAIL", R"({"ids":["t-5"]})"),
                                      signal_frame("ACK-CURRENT-MAIL", R"({"ids":["t-6"]})")}));
}

// A call ends with an error when its mail becomes a dead letter after it was accepted, at its
// deadline, and when the channel closes.
BOOST_AUTO_TEST_CASE(failed_calls) {
    component_fixture s;
    std::string dead, late, closed;
    const auto call = [&](supe::time_point deadline) -> awaitable<> {
        co_await s.self->call("a", "1", deadline);
    };
    s.loop.start(outcome(call(supe::never), dead));
    s.loop.start(outcome(call(s.loop.now() + 3s), late));
    s.loop.start(outcome(call(supe::never), closed));
    s.received();
    s.signal("MAIL-ACCEPTED", R"({"id":"1"})");
    s.signal("MAIL-UNDELIVERABLE", R"({"id":"1","reason":"dead-lettered"})");
    BOOST_TEST(dead == text(mail_error::dead_lettered));
    s.loop.advance(3s);
    BOOST_TEST(late == text(mail_error::timed_out));
    s.hang_up();
    BOOST_TEST(closed == text(mail_error::channel_closed));
    std::string after;
    s.loop.start(outcome(s.self->send("a", "1"), after));
    s.loop.run_ready();
    BOOST_TEST(after == text(mail_error::channel_closed));
}

// answer(): to the caller, with its `call`, or with the mail's id when the caller sent no `call`.
BOOST_AUTO_TEST_CASE(answers) {
    component_fixture s;
    const auto server = [](supe::component& self) -> awaitable<> {
        while (auto mail = co_await self.receive()) {
            mail->answer("\"yes\"");
            mail->ack();
        }
    };
    s.loop.start(server(*s.self));
    s.received();
    s.mail("t-1", "1", R"(,"call":"9","x":[1])");
    s.mail("t-2", "1");
    s.self->answer("eve", "12\"", "null");
    BOOST_TEST(s.received() == (words{R"({"type":"mail","to":"bob","msg":"yes","re":"9"})",
                                      signal_frame("ACK-CURRENT-MAIL", R"({"ids":["t-1"]})"),
                                      R"({"type":"mail","to":"bob","msg":"yes","re":"t-2"})",
                                      signal_frame("ACK-CURRENT-MAIL", R"({"ids":["t-2"]})"),
                                      R"({"type":"mail","to":"eve","msg":null,"re":"12\""})"}));
}

BOOST_AUTO_TEST_SUITE_END()
