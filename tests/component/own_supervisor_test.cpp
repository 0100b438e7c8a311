// Shows what a component asks of its own supervisor, and what it says of itself, frame by frame
// (contract §2).
#include "tests/component/component_fixture.hpp"

#include <boost/asio/error.hpp>

using namespace component_tests;

namespace {

std::string request(int id, std::string_view what, std::string_view more = "") {
    return signal_frame("SUPERVISOR-REQUEST",
                        fmt::format(R"({{"id":"{}","do":"{}","name":"web"{}}})", id, what, more));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(own_supervisor)

// Each order is one frame, and is done with its answer. Answers may come in another order.
BOOST_AUTO_TEST_CASE(orders) {
    component_fixture s;
    supe::own_supervisor boss = s.self->supervisor();
    std::string results[4];
    s.loop.start(outcome(boss.start("web"), results[0]));
    s.loop.start(outcome(boss.stop("web"), results[1]));
    s.loop.start(outcome(boss.restart("web"), results[2]));
    s.loop.start(outcome(boss.scale("web", 8), results[3]));
    BOOST_TEST(s.received() ==
               (words{request(1, "start"), request(2, "stop"), request(3, "restart"),
                      request(4, "scale", R"(,"instances":8)")}));
    s.signal("SUPERVISOR-RESPONSE", R"({"id":"4","success":false,"error":"no such child: web"})");
    s.signal("SUPERVISOR-RESPONSE", R"({"id":"1","success":true})");
    s.signal("SUPERVISOR-RESPONSE", R"({"id":"2"})");
    s.signal("SUPERVISOR-RESPONSE", R"({"id":"9","success":true})");
    BOOST_TEST(results[0] == "done");
    BOOST_TEST(results[1] == "stop web: no reason given");
    BOOST_TEST(results[2] == "");
    BOOST_TEST(results[3] == "scale web: no such child: web");
    s.hang_up();
    BOOST_TEST(results[2] == text(mail_error::channel_closed));
}

// The status of a sibling comes as figures; what is missing is 0.
BOOST_AUTO_TEST_CASE(status) {
    component_fixture s;
    std::string shown;
    const auto ask = [&]() -> awaitable<> {
        const supe::sibling_status is = co_await s.self->supervisor().status("web");
        shown = fmt::format("{} {} {} {}", is.instances, is.running, is.queued, is.in_flight);
    };
    s.loop.start(ask());
    BOOST_TEST(s.received() == words{request(1, "status")});
    s.signal("SUPERVISOR-RESPONSE",
             R"({"id":"1","success":true,"status":{"instances":3,"running":2,"queued":70}})");
    BOOST_TEST(shown == "3 2 70 0");
}

// A line about itself, whatever is in it, is one frame of bounded length.
BOOST_AUTO_TEST_CASE(says) {
    component_fixture s;
    s.self->status("12 \"jobs\"\n");
    s.self->status("");
    BOOST_TEST(s.received() ==
               (words{signal_frame("COMPONENT-STATUS", R"({"status":"12 \"jobs\"\n"})"),
                      signal_frame("COMPONENT-STATUS", R"({"status":""})")}));
    s.self->status(std::string(100'000, 'x'));
    BOOST_TEST(s.received().at(0).size() < 2000u);
}

// What does not wait is refused when the supervisor does not read; what waits goes on when it does.
BOOST_AUTO_TEST_CASE(a_full_channel) {
    component_fixture s({.backlog_limit = 1 << 20});
    const std::string large = "\"" + std::string(200'000, 'x') + "\"";
    const auto full = [](const supe::system_error& e) {
        return e.code() == supe::asio::error::no_buffer_space;
    };
    int told = 0;
    const auto tell_all = [&] {
        for (; told < 100; ++told) s.self->tell("x", large);
    };
    BOOST_CHECK_EXCEPTION(tell_all(), supe::system_error, full);
    BOOST_TEST(told >= 5);
    BOOST_TEST(told < 20);
    BOOST_CHECK_EXCEPTION(s.self->notify("n", "1"), supe::system_error, full);
    BOOST_CHECK_EXCEPTION(s.self->answer("x", "1", "1"), supe::system_error, full);
    std::string sent;
    s.loop.start(outcome(s.self->send("y", "1"), sent));
    s.loop.run_ready();
    const words all = s.received();
    BOOST_TEST(all.size() == static_cast<std::size_t>(told) + 1);
    BOOST_TEST(all.back() == R"({"type":"mail","to":"y","msg":1,"id":"1"})");
    BOOST_TEST(sent == "");
    s.self->tell("x", "1");
}

BOOST_AUTO_TEST_SUITE_END()
