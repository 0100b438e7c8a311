// Shows how the HTTP server behaves at its limits, at its end, and where it is cancelled.
#include "tests/support/http_test_server.hpp"

#include <sys/resource.h>
#include <unistd.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/read_until.hpp>
#include <list>

using namespace std::chrono_literals;
using server = support::http_test_server;
using support::check;
using support::contains;
using support::http_request;
using support::raw_client;

namespace {

constexpr auto as_result = boost::asio::as_tuple(supe::use_awaitable);

supe::awaitable<bool> is_answered(server& s) {
    boost::asio::ip::tcp::socket socket(s.loop.io);
    const boost::asio::ip::tcp::endpoint to(boost::asio::ip::address_v4::loopback(), s.port);
    const auto [refused] = co_await socket.async_connect(to, as_result);
    if (refused) co_return false;
    const std::string request = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
    const auto [lost, n] =
        co_await boost::asio::async_write(socket, boost::asio::buffer(request), as_result);
    std::string answer;
    const auto [cut, size] = co_await boost::asio::async_read_until(
        socket, boost::asio::dynamic_buffer(answer), "POST / 5\n", as_result);
    co_return !lost && !cut;
}

supe::awaitable<> send_until_answered(server& s, std::size_t& answered) {
    for (bool done = false; !done;) done = co_await is_answered(s);
    ++answered;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(http_server_limits)

// Connections beyond the limit wait to be accepted, while all others are at work.
BOOST_AUTO_TEST_CASE(connections_are_bounded) {
    auto limits = server::small();
    limits.clients = 2;
    server s(limits);
    raw_client a = s.client(), b = s.client();
    for (raw_client* c : {&a, &b})
        c->say("POST /in HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
    s.loop.run_for(20ms);
    raw_client waiting = s.client();
    waiting.say("GET /waited HTTP/1.1\r\nHost: h\r\n\r\n");
    s.loop.run_for(50ms);
    BOOST_TEST(s.got.size() == 0u);
    a.hang_up();
    BOOST_TEST(contains(waiting.receive("GET /waited 0\n"), "200 OK"));
}

// Idle connections keep nobody out: for a new one that has no room under the limit the one that has
// been idle longest is closed.
BOOST_AUTO_TEST_CASE(idle_connections_make_room) {
    auto limits = server::small();
    limits.clients = 2;
    server s(limits);
    raw_client a = s.client(), b = s.client();
    for (raw_client* c : {&a, &b, &a})
        c->say("GET /in HTTP/1.1\r\nHost: h\r\n\r\n").receive("GET /in 0\n");
    raw_client fresh = s.client();
    BOOST_TEST(contains(fresh.say("GET /now HTTP/1.1\r\nHost: h\r\n\r\n").receive("GET /now 0\n"),
                        "200 OK"));
    BOOST_TEST(b.read_all() == "(end)");
    BOOST_TEST(
        contains(a.say("GET /a HTTP/1.1\r\nHost: h\r\n\r\n").receive("GET /a 0\n"), "200 OK"));
}

// Where none is idle, the one gives way that has kept us waiting for longest, here for the rest of
// its head, or of its body.
BOOST_AUTO_TEST_CASE(slow_connections_make_room) {
    for (const char* half : {"GET /slow HTTP/1.1\r\nX-A: ",
                             "POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhe"}) {
        auto limits = server::small();
        limits.clients = 2;
        limits.request = 1h;
        limits.patience = 50ms;
        server s(limits);
        raw_client a = s.client(), b = s.client();
        for (raw_client* c : {&a, &b}) c->say(half);
        raw_client fresh = s.client();
        BOOST_TEST(contains(
            fresh.say("GET /now HTTP/1.1\r\nHost: h\r\n\r\n").receive("GET /now 0\n"), "200 OK"));
        BOOST_TEST(contains(a.read_all(), "408 "));
        BOOST_TEST(b.is_open());
    }
}

// One that has just come has its time to begin, whatever is open: who has kept us waiting for long
// enough goes first, and where nobody has, the next one waits to be accepted.
BOOST_AUTO_TEST_CASE(fresh_connections_have_their_time) {
    auto limits = server::small();
    limits.clients = 2;
    limits.patience = 1s;
    server s(limits);
    raw_client a = s.client(), b = s.client();
    for (raw_client* c : {&a, &b}) c->say("POST / HTTP/1.1\r\nX");
    raw_client fresh = s.client(), next = s.client();
    for (raw_client* c : {&a, &b}) BOOST_TEST(contains(c->read_all(), "408 "));
    raw_client waiting = s.client();
    waiting.say("GET /waited HTTP/1.1\r\nHost: h\r\n\r\n");
    s.loop.run_for(100ms);
    BOOST_TEST(s.got.size() == 0u);
    for (raw_client* c : {&fresh, &next})
        BOOST_TEST(contains(c->say("GET /now HTTP/1.1\r\nHost: h\r\n\r\n").receive("GET /now 0\n"),
                            "200 OK"));
    BOOST_TEST(contains(waiting.receive("GET /waited 0\n"), "200 OK"));
}

// Each that waits to be accepted costs a moment, not a pause: many that are silent, or slow, keep
// nobody waiting.
BOOST_AUTO_TEST_CASE(room_is_made_at_once) {
    for (const char* begun : {"", "POST / HTTP/1.1\r\nX"}) {
        auto limits = server::small();
        limits.clients = 2;
        limits.patience = 0s;
        server s(limits);
        std::list<raw_client> slow;
        for (int i = 0; i < 40; ++i) slow.emplace_back(s.loop, s.port).say(begun);
        raw_client fresh = s.client();
        fresh.say("GET /now HTTP/1.1\r\nHost: h\r\n\r\n");
        BOOST_TEST(s.loop.until([&] { return s.got.size() == 1; }, 2s));
    }
}

// The same where the process has no descriptor for it.
BOOST_AUTO_TEST_CASE(no_descriptor_is_left) {
    server s;
    raw_client a = s.client(), b = s.client();
    for (raw_client* c : {&a, &b})
        c->say("GET /in HTTP/1.1\r\nHost: h\r\n\r\n").receive("GET /in 0\n");
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const int next = ::dup(0);
    ::close(next);
    const rlimit room_for_one{static_cast<rlim_t>(next) + 1, before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &room_for_one);
    raw_client fresh = s.client();
    const std::string answer =
        fresh.say("GET /now HTTP/1.1\r\nHost: h\r\n\r\n").receive("GET /now 0\n");
    ::setrlimit(RLIMIT_NOFILE, &before);
    BOOST_TEST(contains(answer, "200 OK"), answer);
    BOOST_TEST(a.read_all() == "(end)");
    BOOST_TEST(b.is_open());
}

// One whose request has come is not idle, although it was not read yet.
BOOST_AUTO_TEST_CASE(what_has_come_is_served) {
    auto limits = server::small();
    limits.clients = 2;
    server s(limits);
    raw_client a = s.client(), b = s.client();
    for (raw_client* c : {&a, &b})
        c->say("GET /in HTTP/1.1\r\nHost: h\r\n\r\n").receive("GET /in 0\n");
    raw_client fresh = s.client();
    for (raw_client* c : {&fresh, &a, &b}) c->say("GET /now HTTP/1.1\r\nHost: h\r\n\r\n");
    for (raw_client* c : {&a, &b, &fresh})
        BOOST_TEST(contains(c->receive("GET /now 0\n"), "200 OK"));
}

// Heads count in memory by what their fields take: each of these takes twenty times its bytes. One
// alone has room; those that have kept us waiting give way for another one.
BOOST_AUTO_TEST_CASE(heads_of_many_fields) {
    auto limits = server::small();
    limits.head = 64 << 10;
    limits.large_requests = 5 << 20;
    limits.request = 1h;
    limits.patience = 500ms;
    server s(limits);
    std::string head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n";
    for (int i = 0; i < 16000; ++i) head += "a:\r\n";
    raw_client first = s.client(), second = s.client();
    for (raw_client* c : {&first, &second}) c->say(head);
    s.loop.run_for(50ms);  // so that they are read
    check(s.talk(head), "503 Service Unavailable", "too many large requests at once\n");
    const std::string small = "GET /small HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    BOOST_TEST(contains(s.talk(small), "200 OK"));
    s.loop.run_for(600ms);
    raw_client third = s.client();
    third.say(head + "\r\nx");
    BOOST_TEST(contains(third.receive("POST / 1\n"), "200 OK"));
    BOOST_TEST(s.got.back().headers.size() == 16002u);
    BOOST_TEST(contains(first.read_all(), "408 "));
    BOOST_TEST(contains(second.say("\r\nx").receive("POST / 1\n"), "200 OK"));
}

// Where memory runs out for one connection, it alone is answered 503, or ends.
BOOST_AUTO_TEST_CASE(memory_runs_out) {
    auto limits = server::small();
    limits.body_of = [](const http_request& head) -> std::size_t {
        if (head.target == "/head") throw std::bad_alloc();
        return 100;
    };
    server s(limits);
    raw_client other = s.client();
    other.say("GET /other HTTP/1.1\r\nHo");
    check(s.talk("GET /too-much HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
          "503 Service Unavailable", "there is no memory left for this, please try again\n");
    BOOST_TEST(s.talk("GET /head HTTP/1.1\r\nHost: h\r\n\r\n") == "(end)");
    BOOST_TEST(contains(other.say("st: h\r\n\r\n").receive("GET /other 0\n"), "200 OK"));
}

// A body may come slowly as long as it comes: it must keep up a rate, and not a time for all of it.
BOOST_AUTO_TEST_CASE(slow_bodies) {
    auto limits = server::small();
    limits.request = 600ms;
    limits.rate = 1000;
    server s(limits);
    const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\n\r\n";
    raw_client steady = s.client(), slow = s.client();
    steady.say(head);
    slow.say(head);
    for (int i = 0; i < 40; ++i) {
        steady.say(std::string(500, 'x'));
        if (slow.is_open()) slow.say("x");
        s.loop.run_for(50ms);
    }
    BOOST_TEST(contains(steady.receive("POST / 20000\n"), "200 OK"));
    check(slow.read_all(), "408 Request Timeout", "the request took too long\n");
}

// A refusal reaches a sender that sends all of a large body before it reads, and one that goes on
// for longer than we look.
BOOST_AUTO_TEST_CASE(refusals_reach_those_that_send) {
    server s;
    const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 90000000\r\n\r\n";
    raw_client c = s.client();
    c.say(head + std::string(40'000'000, 'x'));
    s.loop.run_for(50ms);
    c.say(std::string(1000, 'x'));
    check(c.finish().read_all(), "413 Payload Too Large", "larger than 200000 bytes\n");
    raw_client endless = s.client();
    endless.say(head + std::string(89'000'000, 'x'));
    BOOST_TEST(!endless.read_all().ends_with("(still open)"));
}

// A burst of 10,000 connections: each sender is answered, some after they came again, because
// their connection was idle when another one had no room.
BOOST_AUTO_TEST_CASE(a_burst) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    const rlimit more{files.rlim_max, files.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &more);
    const std::size_t senders = files.rlim_max < 16000 ? files.rlim_max / 4 : 10000;
    auto limits = server::small();
    limits.clients = 4096;
    server s(limits);
    std::size_t answered = 0;
    {
        supe::nursery all(s.loop.time);
        for (std::size_t i = 0; i < senders; ++i) all.start(send_until_answered(s, answered));
        BOOST_TEST(s.loop.until([&] { return answered == senders; }, 100s), answered);
        s.loop.end(all);
    }
    ::setrlimit(RLIMIT_NOFILE, &files);
}

// A server that is cancelled ends after the last of its connections: they use what it owns.
BOOST_AUTO_TEST_CASE(cancelled) {
    server s;
    s.answer_after = 1h;
    raw_client idle = s.client(), working = s.client();
    idle.say("GET");
    working.say("GET /w HTTP/1.1\r\nHost: h\r\n\r\n");
    s.loop.until([&] { return s.got.size() == 1; }, 5s);
    s.tasks.cancel();
    BOOST_TEST(s.loop.until([&] { return s.tasks.size() == 0; }, 5s));
    BOOST_TEST(s.answering_at_end == 0);
    BOOST_TEST(working.read_all() == "(end)");
    s.ended = true;
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

// For a while a stop goes on accepting; each answer is the last one of its connection.
BOOST_AUTO_TEST_CASE(accepts_on) {
    auto limits = server::small();
    limits.accept_on = [] { return supe::duration(1s); };
    server s(limits);
    raw_client kept = s.client(), idle = s.client();
    kept.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n").receive("GET / 0\n");
    s.ask_to_stop();
    s.loop.run_for(20ms);
    for (raw_client* c : {&kept, &idle}) {
        const std::string answer = c->say("GET /w HTTP/1.1\r\nHost: h\r\n\r\n").read_all();
        BOOST_TEST(contains(answer, "\r\nConnection: close\r\n"), answer);
        BOOST_TEST(answer.ends_with("GET /w 0\n(end)"), answer);
    }
    BOOST_TEST(contains(s.talk("GET /n HTTP/1.1\r\nHost: h\r\n\r\n"), "GET /n 0\n(end)"));
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
