// Shows how the HTTP server treats clients of every kind, over real sockets in one thread.
#include "tests/support/http_test_server.hpp"

using namespace std::chrono_literals;
using server = support::http_test_server;
using support::check;
using support::contains;
using support::raw_client;

BOOST_AUTO_TEST_SUITE(http_server)

// The parts of a request: all fields in order with repeats, the target, the body, and the client's
// address.
BOOST_AUTO_TEST_CASE(a_request_and_its_answer) {
    server s;
    raw_client c = s.client();
    const std::string reply = c.say(
                                   "POST /a//b?c=%20&d HTTP/1.1\r\nHost: h\r\nX-B: 1\r\nx-a:  2 "
                                   "\r\nX-B: 3\r\nX-A:\r\nContent-Length: 5\r\n\r\nhello")
                                  .receive("POST /a//b?c=%20&d 5\n");
    BOOST_TEST(reply.starts_with("HTTP/1.1 200 OK\r\nDate: "), reply);
    BOOST_TEST(contains(reply,
                        "GMT\r\nContent-Type: text/plain\r\nContent-Length: 21\r\nConnection: "
                        "keep-alive\r\nX-Own: 1\r\n\r\n"),
               reply);
    BOOST_REQUIRE(s.got.size() == 1u);
    BOOST_TEST(s.got[0].remote == "127.0.0.1");
    BOOST_TEST(s.got[0].body == "hello");
    BOOST_TEST((s.got[0].headers == components::http_fields{{"Host", "h"},
                                                            {"X-B", "1"},
                                                            {"x-a", "2"},
                                                            {"X-B", "3"},
                                                            {"X-A", ""},
                                                            {"Content-Length", "5"}}));
    BOOST_TEST(c.is_open());
}

// Bytes that are not HTTP are answered 400, and other clients are not affected.
BOOST_AUTO_TEST_CASE(not_http) {
    server s;
    raw_client good = s.client();
    for (const char* bytes :
         {"\x16\x03\x01\x02 TLS\r\n\r\n", "rubbish\r\n\r\n", "POST\r\n\r\n",
          "POST / HTTP/1.x\r\n\r\n", "POST / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
          "POST / HTTP/1.1\r\nHost: h\r\nA\x01: b\r\n\r\n",
          "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
          "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n"})
        check(s.talk(bytes), "400 Bad Request", "\n");
    check(s.talk("POST example.com:443 HTTP/1.1\r\nHost: h\r\n\r\n"), "400 Bad Request",
          "the target is neither a path nor a URL\n");
    check(s.talk("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), "400 Bad Request",
          "the target is neither a path nor a URL\n");
    BOOST_TEST(s.got.size() == 0u);
    BOOST_TEST(
        contains(good.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n").receive("GET / 0\n"), "200 OK"));
}

// Two lengths, or a length and chunks, are refused: no server behind may see two requests in one
// (RFC 9112 §6.3).
BOOST_AUTO_TEST_CASE(no_smuggling) {
    server s;
    for (const char* fields :
         {"Content-Length: 5\r\nContent-Length: 6\r\n",
          "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
          "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "Content-Length: 5, 6\r\n"})
        BOOST_TEST(s.talk(std::string("POST / HTTP/1.1\r\nHost: h\r\n") + fields +
                          "\r\n0\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n")
                       .starts_with("HTTP/1.1 400"),
                   fields);
    check(s.talk("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
          "501 Not Implemented", "of the transfer encodings only chunked is understood\n");
    BOOST_TEST(s.got.size() == 0u);
}

// What two parsers could read differently is refused, and the connection is closed, so that nothing
// behind it is read as a request. (The rules: request_rules_test.cpp.)
BOOST_AUTO_TEST_CASE(ambiguous_heads) {
    server s;
    const std::string next = "\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n";
    for (const char* head :
         {"GET / HTTP/1.1\r\nX: y\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n",
          "GET / HTTP/1.1\r\nHost: a b\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n",
          "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\tfolded\r\n", "GET /../x HTTP/1.1\r\nHost: a\r\n",
          "GET http://a/b/%2e./../x HTTP/1.1\r\nHost: a\r\n",
          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n",
          "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n"})
        check(s.talk(head + next), "400 Bad Request", "\n");
    raw_client slow = s.client();
    slow.say("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n");
    s.loop.run_for(20ms);
    check(slow.say(" folded\r\n\r\n").read_all(), "400 Bad Request", "another line\n");
    BOOST_TEST(s.got.size() == 0u);
    BOOST_TEST(contains(s.talk("GET / HTTP/1.0\r\n\r\n"), "200 OK"));
}

// The absolute form of a target names the host, whatever Host says (RFC 9112 §3.2.2).
BOOST_AUTO_TEST_CASE(absolute_targets) {
    server s;
    s.talk("GET http://real:81?q HTTP/1.1\r\nConnection: close\r\nHost: other\r\n\r\n");
    BOOST_REQUIRE(s.got.size() == 1u);
    BOOST_TEST(s.got[0].target == "/?q");
    BOOST_TEST(components::field(s.got[0].headers, "Host") == "real:81");
}

// A head over the limit: 431 at once, although the client goes on sending.
BOOST_AUTO_TEST_CASE(head_too_large) {
    server s;
    check(s.talk("POST / HTTP/1.1\r\nHost: h\r\nX: " + std::string(3000, 'x') + "\r\n\r\n"),
          "431 Request Header Fields Too Large", "the head is larger than 2000 bytes\n");
    check(s.talk("POST /" + std::string(100000, 'x')), "431 Request Header Fields Too Large",
          "the head is larger than 2000 bytes\n");
    raw_client many = s.client();
    many.say("POST / HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < 100 && many.is_open(); ++i) {
        many.say("X: a field of thirty bytes\r\n");
        s.loop.run_for(200us);
    }
    check(many.read_all(), "431 Request Header Fields Too Large",
          "the head is larger than 2000 bytes\n");
    BOOST_TEST(contains(s.talk("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX: " +
                               std::string(1800, 'x') + "\r\n\r\n"),
                        "200 OK"));
}

// A body over the limit: 413 before it is sent, also when the client sends it at once, and in
// chunks.
BOOST_AUTO_TEST_CASE(body_too_large) {
    server s;
    const std::string words = "the body is larger than 200000 bytes\n";
    check(
        s.talk(
            "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 200001\r\n\r\n"),
        "413 Payload Too Large", words);
    check(s.talk("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n" +
                 std::string(3000000, 'x')),
          "413 Payload Too Large", words);
    std::string chunks = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 30; ++i) chunks += "2710\r\n" + std::string(10000, 'x') + "\r\n";
    check(s.talk(chunks), "413 Payload Too Large", words);
    BOOST_TEST(contains(
        s.talk("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 200000\r\n\r\n" +
               std::string(200000, 'x')),
        "POST / 200000\n"));
    BOOST_TEST(s.got.size() == 1u);
}

// Large requests together are bounded by the bytes that have arrived: 503 with Retry-After; an
// announced length alone holds up no other client, and small requests always have room.
BOOST_AUTO_TEST_CASE(large_requests_are_bounded_together) {
    auto limits = server::small();
    limits.large_requests = 250000;
    server s(limits);
    raw_client first = s.client(), boaster = s.client();
    boaster.say("POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n");
    first.say("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 140001\r\n\r\n" +
              std::string(140000, 'x'));
    s.loop.run_for(50ms);  // so that it is read
    const std::string reply = s.talk(
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + std::string(100000, 'x'));
    check(reply, "503 Service Unavailable", "too many large requests at once\n");
    BOOST_TEST(contains(reply, "\r\nRetry-After: 5\r\n"));
    BOOST_TEST(contains(s.talk("POST /small HTTP/1.1\r\nHost: h\r\nConnection: "
                               "close\r\nContent-Length: 8000\r\n\r\n" +
                               std::string(8000, 'x')),
                        "POST /small 8000\n"));
    BOOST_TEST(contains(first.say("x").receive("POST /a 140001\n"), "200 OK"));
    BOOST_TEST(contains(
        s.talk(
            "POST /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n" +
            std::string(100000, 'x')),
        "POST /c 100000\n"));
}

// A body that is cut short is no webhook: 400 when the client still reads, and nothing is handled.
BOOST_AUTO_TEST_CASE(body_cut_short) {
    server s;
    raw_client c = s.client();
    check(c.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf").finish().read_all(),
          "400 Bad Request", "the request was cut short\n");
    raw_client d = s.client();
    check(d.say("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
              .finish()
              .read_all(),
          "400 Bad Request", "the request was cut short\n");
    raw_client e = s.client();
    check(e.say("POST / HTT").finish().read_all(), "400 Bad Request",
          "the request was cut short\n");
    check(s.talk("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
          "400 Bad Request", "\n");
    raw_client silent = s.client();
    BOOST_TEST(silent.finish().read_all() == "(end)");
    BOOST_TEST(s.got.size() == 0u);
}

// A client that closes before its answer: the request was handled, and the server goes on.
BOOST_AUTO_TEST_CASE(client_hangs_up) {
    server s;
    s.answer_after = 50ms;
    for (int i = 0; i < 5; ++i) {
        raw_client c = s.client();
        c.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
        s.loop.until([&] { return s.got.size() == static_cast<std::size_t>(i) + 1; }, 5s);
        c.hang_up();
    }
    BOOST_TEST(
        contains(s.talk("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), "200 OK"));
    BOOST_TEST(s.got.size() == 6u);
}

// A client that is silent in the middle of a head or body gets 408; one that is silent between
// requests is closed.
BOOST_AUTO_TEST_CASE(silence) {
    auto limits = server::small();
    limits.request = 300ms;
    limits.idle = 600ms;
    server s(limits);
    raw_client in_head = s.client(), in_body = s.client(), idle = s.client(), between = s.client();
    in_head.say("POST / HTTP/1.1\r\nHost: h\r\nX: ");
    in_body.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
    between.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    check(in_head.read_all(), "408 Request Timeout", "the request took too long\n");
    check(in_body.read_all(), "408 Request Timeout", "the request took too long\n");
    BOOST_TEST(idle.read_all() == "(end)");
    BOOST_TEST(between.read_all().ends_with("GET / 0\n(end)"));
}

// The server has no limit for the time of a handler.
BOOST_AUTO_TEST_CASE(slow_handlers_are_waited_for) {
    auto limits = server::small();
    limits.request = limits.idle = 100ms;
    server s(limits);
    s.answer_after = 900ms;
    BOOST_TEST(
        contains(s.talk("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), "200 OK"));
}

// Many requests in one write are answered in order.
BOOST_AUTO_TEST_CASE(pipelining) {
    server s;
    raw_client c = s.client();
    std::string all;
    for (int i = 0; i < 20; ++i)
        all += fmt::format("POST /{} HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", i);
    c.say(all);
    for (int i = 0; i < 20; ++i)
        BOOST_TEST(contains(c.receive(" 3\n"), fmt::format("POST /{} 3", i)));
}

// Chunks of any size, with extensions and trailers, and byte by byte; trailers are not fields of
// the head.
BOOST_AUTO_TEST_CASE(chunks) {
    server s;
    const std::string message =
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\nConnection: "
        "close\r\n\r\n"
        "1;ext=\"a\"\r\nh\r\n4\r\nello\r\n0\r\nX-T: late\r\n\r\n";
    BOOST_TEST(contains(s.talk(message), "POST / 5\n"));
    raw_client slow = s.client();
    for (char c : message) {
        slow.say({&c, 1});
        s.loop.run_for(200us);
    }
    BOOST_TEST(contains(slow.read_all(), "POST / 5\n"));
    BOOST_REQUIRE(s.got.size() == 2u);
    for (const auto& r : s.got) {
        BOOST_TEST(r.body == "hello");
        BOOST_TEST(components::field(r.headers, "X-T") == "");
        BOOST_TEST(components::field(r.headers, "Trailer") == "X-T");
    }
}

// A client that waits for the 100 gets it; one that does not wait, or sends HTTP/1.0, does not (RFC
// 9110 §10.1.1).
BOOST_AUTO_TEST_CASE(expect_continue) {
    server s;
    raw_client c = s.client();
    BOOST_TEST(
        c.say("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n")
            .receive("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    BOOST_TEST(c.say("hello").receive("POST / 5\n").starts_with("HTTP/1.1 200 OK"));
    BOOST_TEST(s.talk("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nExpect: "
                      "100-continue\r\nContent-Length: 5\r\n\r\nhello")
                   .starts_with("HTTP/1.1 200 OK"));
    raw_client old = s.client();
    old.say("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    s.loop.run_for(20ms);
    BOOST_TEST(old.say("hello").read_all().starts_with("HTTP/1.1 200 OK"));
}

// HEAD is answered as GET, without the text.
BOOST_AUTO_TEST_CASE(head_has_no_text) {
    server s;
    raw_client c = s.client();
    c.say("HEAD /x HTTP/1.1\r\nHost: h\r\n\r\nGET /y HTTP/1.1\r\nHost: h\r\n\r\n");
    const std::string head = c.receive("\r\n\r\n");
    BOOST_TEST(contains(head, "\r\nContent-Length: 10\r\n"), head);
    BOOST_TEST(c.receive("GET /y 0\n").starts_with("HTTP/1.1 200 OK"));
}

// Keep-alive is the default of 1.1 and needs a field in 1.0. After close the connection ends, and
// bytes behind it are not a request.
BOOST_AUTO_TEST_CASE(keep_alive_and_close) {
    server s;
    raw_client c = s.client();
    for (int i = 0; i < 3; ++i)
        BOOST_TEST(contains(c.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n").receive("GET / 0\n"),
                            "\r\nConnection: keep-alive\r\n"));
    BOOST_TEST(contains(c.say("GET /last HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n\r\nGET /more "
                              "HTTP/1.1\r\nHost: h\r\n\r\n")
                            .read_all(),
                        "\r\nConnection: close\r\n"));
    BOOST_TEST(s.got.back().target == "/last");
    BOOST_TEST(contains(s.talk("GET / HTTP/1.0\r\n\r\n"), "\r\nConnection: close\r\n"));
    raw_client old = s.client();
    BOOST_TEST(
        contains(old.say("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").receive("GET / 0\n"),
                 "\r\nConnection: keep-alive\r\n"));
    BOOST_TEST(contains(old.say("GET / HTTP/1.0\r\n\r\n").read_all(), "GET / 0\n(end)"));
}

// The absolute form of a target is reduced to its path (RFC 9112 §3.2.2).
BOOST_AUTO_TEST_CASE(absolute_form) {
    server s;
    for (const char* target : {"http://a.example/x?y", "http://a.example", "https://a.example?q"})
        s.talk(fmt::format("GET {} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", target));
    BOOST_REQUIRE(s.got.size() == 3u);
    BOOST_TEST(s.got[0].target == "/x?y");
    BOOST_TEST(s.got[1].target == "/");
    BOOST_TEST(s.got[2].target == "/?q");
}

// A handler that throws is a 500 with the reason, and the connection lives on.
BOOST_AUTO_TEST_CASE(handlers_may_fail) {
    server s;
    raw_client c = s.client();
    BOOST_TEST(
        contains(c.say("GET /broken HTTP/1.1\r\nHost: h\r\n\r\n").receive("went wrong here\n"),
                 "HTTP/1.1 500 "));
    BOOST_TEST(contains(c.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n").receive("GET / 0\n"), "200 OK"));
}

BOOST_AUTO_TEST_SUITE_END()
