// Shows how the HTTP server behaves at its limits, at its end, and where it is cancelled.
#include "tests/support/http_test_server.hpp"

#include <sys/resource.h>
#include <unistd.h>

using namespace std::chrono_literals;
using server = support::http_test_server;
using support::check;
using support::contains;
using support::raw_client;

BOOST_AUTO_TEST_SUITE(http_server_limits)

// Connections beyond the limit wait to be accepted, until others close.
BOOST_AUTO_TEST_CASE(connections_are_bounded) {
    auto limits = server::small();
    limits.clients = 2;
    server s(limits);
    raw_client a = s.client(), b = s.client();
    for (raw_client* c : {&a, &b})
        c->say("GET /in HTTP/1.1\r\nHost: h\r\n\r\n").receive("GET /in 0\n");
    raw_client waiting = s.client();
    waiting.say("GET /waited HTTP/1.1\r\nHost: h\r\n\r\n");
    s.loop.run_for(50ms);
    BOOST_TEST(s.got.size() == 2u);
    a.hang_up();
    BOOST_TEST(contains(waiting.receive("GET /waited 0\n"), "200 OK"));
}

// A stop closes idle connections, answers the requests under way, and then ends.
BOOST_AUTO_TEST_CASE(drains) {
    server s;
    s.answer_after = 200ms;
    raw_client idle = s.client(), working = s.client(), reading = s.client();
    idle.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n").receive("GET / 0\n");
    working.say("GET /w HTTP/1.1\r\nHost: h\r\n\r\n");
    reading.say("POST /r HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
    s.loop.until([&] { return s.got.size() == 2; }, 5s);
    s.ask_to_stop();
    BOOST_TEST(idle.read_all() == "(end)");
    reading.say("llo");
    const std::string answer = working.read_all();
    BOOST_TEST(contains(answer, "\r\nConnection: close\r\n"), answer);
    BOOST_TEST(answer.ends_with("GET /w 0\n(end)"), answer);
    BOOST_TEST(reading.read_all().ends_with("POST /r 5\n(end)"));
    for (raw_client* c : {&idle, &working, &reading}) c->hang_up();
    BOOST_TEST(s.stop());
}

// A request that takes longer than the drain is answered 503 with Retry-After.
BOOST_AUTO_TEST_CASE(drain_has_a_limit) {
    auto limits = server::small();
    limits.drain = 200ms;
    server s(limits);
    s.answer_after = 1h;
    raw_client working = s.client(), reading = s.client();
    working.say("POST /w HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    reading.say("POST /r HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
    s.loop.until([&] { return s.got.size() == 1; }, 5s);
    BOOST_TEST(s.stop());
    const std::string reply = working.read_all();
    check(reply, "503 Service Unavailable", "shutting down, please try again\n");
    BOOST_TEST(contains(reply, "\r\nRetry-After: 5\r\n"));
    BOOST_TEST(reading.read_all() == "(end)");
}

BOOST_AUTO_TEST_SUITE_END()
