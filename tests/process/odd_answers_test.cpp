// Shows what each odd answer of a destination means for the webhook: the status in its first line
// decides, and the connection is not used again (contract §7).
#include "tests/support/scripted_destination.hpp"

using namespace std::chrono_literals;
using components::http_reply;
using destination = support::scripted_destination;
using support::caller;
using support::ok;
using support::script;

namespace {

/// What one POST brings, and whether the connection can be used again.
struct outcome {
    http_reply reply;
    bool kept;
};

outcome once(const script& s, supe::duration limit = 5s, supe::duration first_byte = 1h,
             const std::string& body = "hello") {
    support::event_loop loop;
    destination d(loop, {s});
    caller c(loop, d.address());
    c.first_byte = first_byte;
    BOOST_REQUIRE(c.open({d.peer()}) == "");
    const http_reply reply = c.post(limit, body);
    const bool kept = c.connection.reusable();
    d.let_go();
    BOOST_TEST(c.close());
    return {reply, kept};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(odd_answers)

// Heads that no strict parser takes. The destination has said that it has the webhook; to send it
// again, for ever, would be no help.
BOOST_AUTO_TEST_CASE(a_2xx_is_a_delivery) {
    for (const char* answer :
         {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 0\n\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
          "0\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 3\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: three\r\n\r\n",
          "HTTP/1.1 200 OK\r\nX Y: z\r\nContent-Length: 0\r\n\r\n",
          "HTTP/1.1 200 OK\r\nX : z\r\nContent-Length: 0\r\n\r\n",
          "HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 0\r\n\r\n",
          "HTTP/1.1 200 OK\r\nX: \x01\r\nContent-Length: 0\r\n\r\n",
          "HTTP/1.1 200 OK\r\nConnection: keep-alive;\r\nContent-Length: 0\r\n\r\n",
          "HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n",
          "HTTP/2 200\r\nContent-Length: 0\r\n\r\n",
          "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
          "HTTP/1.1 100\r\n\r\nHTTP/1.1 200\r\n\r\n",
          "HTTP/1.1 100 Continue\n\nHTTP/1.1 200\n\n"}) {
        const outcome o = once({{answer}, script::hold});
        BOOST_TEST(o.reply.status == 200, answer << ": " << o.reply.error);
        BOOST_TEST(!o.kept, answer);
    }
    const outcome good = once({{"HTTP/1.1 100\r\n\r\n" + ok()}, script::hold});
    BOOST_TEST(good.reply.status == 200);
    BOOST_TEST(good.kept);
}

// An answer that is cut behind its status, by an end, a reset, or for longer than the time.
BOOST_AUTO_TEST_CASE(cut_behind_the_status) {
    for (const char* answer : {"HTTP/1.1 200", "HTTP/1.1 200 OK"})
        BOOST_TEST(once({{answer}, script::close}).reply.status == 200, answer);
    BOOST_TEST(once({{"HTTP/1.1 20"}, script::close}).reply.status == 0);
    for (const char* answer : {"HTTP/1.1 200 OK\r\nContent-", "HTTP/1.1 204 \r\n",
                               "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
                               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf"})
        for (const auto then : {script::close, script::reset, script::hold}) {
            const outcome o = once({{answer}, then}, 300ms);
            BOOST_TEST(o.reply.status / 100 == 2, answer << ": " << o.reply.error);
            BOOST_TEST(!o.kept, answer);
        }
}

// Not only a success: a refusal, and its Retry-After, are read from odd heads too.
BOOST_AUTO_TEST_CASE(other_statuses) {
    BOOST_TEST(once({{"HTTP/1.1 503\nRetry-After: 7\n\n"}, script::hold}).reply.status == 503);
    BOOST_TEST(
        (once({{"HTTP/1.1 503\nretry-after : 7\n\n"}, script::hold}).reply.retry_after == 7s));
    BOOST_TEST(once({{"HTTP/1.1 410\r\n\r\n"}, script::hold}).reply.status == 410);
    BOOST_TEST(once({{"HTTP/1.1 101 Switching Protocols\r\n\r\n"}, script::hold}).reply.status ==
               101);
}

// A head without end is no reason to read on for ever.
BOOST_AUTO_TEST_CASE(endless_heads) {
    const outcome o =
        once({{"HTTP/1.1 200 OK\r\nX: " + std::string(1 << 20, 'x')}, script::close}, 1h);
    BOOST_TEST(o.reply.status == 200);
    BOOST_TEST(!o.kept);
}

// The time until the first byte is a part of the whole: an answer that has begun may take longer.
BOOST_AUTO_TEST_CASE(the_first_byte) {
    const outcome silent = once({{""}, script::hold}, 1h, 200ms);
    BOOST_TEST(silent.reply.error == "timed out");
    const outcome begun = once({{"HTTP/1.1 2"}, script::hold}, 500ms, 200ms);
    BOOST_TEST(begun.reply.error == "timed out");
    const outcome interim = once({{"HTTP/1.1 100 Continue\r\n\r\n"}, script::hold}, 500ms, 200ms);
    BOOST_TEST(interim.reply.error == "timed out");
    BOOST_TEST(once({{"HTTP/1.1 200 OK\r\n\r\n"}, script::hold}, 1h, 200ms).reply.status == 200);
}

// Interim answers without a pause: there is always something to read, and the time ends it all the
// same.
BOOST_AUTO_TEST_CASE(interim_answers_without_a_pause) {
    std::string flood;
    while (flood.size() < 64u << 20) flood += "HTTP/1.1 100\r\n\r\n";
    const outcome o = once({{flood + ok()}, script::close}, 20ms);
    BOOST_TEST(o.reply.error == "timed out");
}

// A destination that answers before it has read the body, and reads no more of it: the answer
// counts at once.
BOOST_AUTO_TEST_CASE(answers_before_the_body) {
    const std::string large = "hello" + std::string(32 << 20, 'x');
    for (const int status : {200, 413}) {
        const outcome o =
            once({{fmt::format("HTTP/1.1 {} \r\nContent-Length: 0\r\n\r\n", status)}, script::hold},
                 1h, 1h, large);
        BOOST_TEST(o.reply.status == status);
        BOOST_TEST(!o.kept);
    }
    BOOST_TEST(once({{"HTTP/1.1 413 \r\nConnection: close\r\n\r\n"}, script::close}, 5s, 1h, large)
                   .reply.status == 413);
    BOOST_TEST(once({{""}, script::reset}, 5s, 1h, large).reply.status == 0);
}

// A destination that goes on answering for ever is let go.
BOOST_AUTO_TEST_CASE(answers_for_ever) {
    const outcome o =
        once({{"HTTP/1.1 200 OK\r\n\r\n" + std::string(40 << 20, 'x')}, script::hold}, 1h);
    BOOST_TEST(o.reply.status == 200);
    BOOST_TEST(!o.kept);
}

BOOST_AUTO_TEST_SUITE_END()
