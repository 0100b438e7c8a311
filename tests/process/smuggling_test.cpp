// Shows that no bytes of one request are ever read as another one, whatever its framing looks like,
// and that harmless oddities cost a sender nothing (RFC 9112).
#include "tests/support/http_test_server.hpp"

using server = support::http_test_server;
using support::contains;

namespace {

/// What would be smuggled.
const std::string inner = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";

struct payload {
    const char* name;
    std::string bytes;
    const char* status;
};

std::string post(const std::string& fields, const std::string& body = "",
                 const std::string& version = "1.1") {
    return "POST / HTTP/" + version + "\r\nHost: h\r\n" + fields + "\r\n" + body;
}

std::string chunked(const std::string& body) {
    return post("Transfer-Encoding: chunked\r\n", body);
}

/// Each is answered once, and its connection is closed.
void expect_refused(const std::vector<payload>& table) {
    server s;
    for (const payload& p : table) {
        const std::string reply = s.talk(p.bytes);
        BOOST_TEST(reply.starts_with(std::string("HTTP/1.1 ") + p.status), p.name << ": " << reply);
        BOOST_TEST(reply.find("HTTP/1.1 ", 1) == reply.npos, p.name << ": " << reply);
        BOOST_TEST(contains(reply, "\r\nConnection: close\r\n"), p.name);
    }
    BOOST_TEST(s.got.size() == 0u);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(smuggling)

// A higher minor version is served as 1.1, with all that it brings; another major one is told so.
BOOST_AUTO_TEST_CASE(versions) {
    server s;
    const std::string reply =
        s.client()
            .say(post("Content-Length: 2\r\n", "hi", "1.2") + "GET /on HTTP/1.9\r\nHost: h\r\n\r\n")
            .receive("GET /on 0\n");
    BOOST_TEST(contains(reply, "HTTP/1.1 200 OK"), reply);
    BOOST_TEST(contains(reply, "POST / 2\n"), reply);
    for (const char* version : {"2.0", "3.0", "0.9"})
        support::check(s.talk(post("", "", version)), "505 HTTP Version Not Supported",
                       "HTTP/1.1 is spoken here\n");
    support::check(s.talk("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "505", "HTTP/1.1 is spoken here\n");
    for (const char* version : {"1.22", "1.x", "x.1", "1"})
        BOOST_TEST(s.talk(post("", "", version)).starts_with("HTTP/1.1 400 "), version);
    BOOST_TEST(s.got.size() == 2u);
}

// A length and chunks, in either order and in every disguise that some parser overlooks.
BOOST_AUTO_TEST_CASE(length_and_chunks) {
    const std::string end = "0\r\n\r\n" + inner;
    expect_refused({
        {"CL.TE", post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", end), "400"},
        {"TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "5c\r\n" + end),
         "400"},
        {"TE.TE", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", end),
         "400"},
        {"TE.TE, twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", end),
         "400"},
        {"TE, listed twice", post("Transfer-Encoding: chunked, chunked\r\n", end), "501"},
        {"TE, xchunked", post("Transfer-Encoding: xchunked\r\n", end), "501"},
        {"TE, identity behind", post("Transfer-Encoding: chunked, identity\r\n", end), "501"},
        {"TE, quoted", post("Transfer-Encoding: \"chunked\"\r\n", end), "501"},
        {"TE, parameter", post("Transfer-Encoding: chunked;q=1\r\n", end), "501"},
        {"TE, vertical tab",
         post("Transfer-Encoding: \x0b"
              "chunked\r\n",
              end),
         "400"},
        {"TE, blank before the colon", post("Transfer-Encoding : chunked\r\n", end), "400"},
        {"TE, tab before the colon", post("Transfer-Encoding\t: chunked\r\n", end), "400"},
        {"TE, blank before the name", post(" Transfer-Encoding: chunked\r\n", end), "400"},
        {"TE, folded", post("Transfer-Encoding:\r\n chunked\r\n", end), "400"},
        {"TE, folded behind", post("Transfer-Encoding: chunked\r\n ,x\r\n", end), "400"},
        {"TE behind a bare LF", post("X: y\nTransfer-Encoding: chunked\r\n", end), "400"},
        {"TE behind a bare CR", post("X: y\rTransfer-Encoding: chunked\r\n", end), "400"},
        {"TE behind a NUL", post(std::string("X: y\0Transfer-Encoding: chunked\r\n", 34), end),
         "400"},
        {"TE in HTTP/1.0", post("Transfer-Encoding: chunked\r\n", end, "1.0"), "400"},
        {"TE in HTTP/1.0, kept",
         post("Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n", end, "1.0"), "400"},
    });
}

// Lengths that two parsers could take for different ones.
BOOST_AUTO_TEST_CASE(lengths) {
    for (const char* value : {"5, 6", "5, 5", "+5", "-5", "0x5", "5 5", "5;", "5.0", "", " ",
                              "18446744073709551616", "\"5\"", "5\x0b"})
        expect_refused(
            {{value, post(std::string("Content-Length: ") + value + "\r\n", inner), "400"}});
    expect_refused({
        {"twice", post("Content-Length: 0\r\nContent-Length: 5\r\n", inner), "400"},
        {"twice the same", post("Content-Length: 0\r\nContent-length: 0\r\n", inner), "400"},
        {"blank before the colon", post("Content-Length : 5\r\n", inner), "400"},
        {"a number that is too large for us",
         post("Content-Length: 18446744073709551615\r\n", inner), "413"},
    });
}

// Chunks whose size or end is not exactly as it should be.
BOOST_AUTO_TEST_CASE(chunks) {
    const std::string end = "0\r\n\r\n" + inner;
    expect_refused({
        {"size overflows", chunked("10000000000000000\r\nx\r\n" + end), "400"},
        {"size overflows to 5", chunked("10000000000000005\r\nhello\r\n" + end), "400"},
        {"size is negative", chunked("-1\r\nx\r\n" + end), "400"},
        {"size with 0x", chunked("0x1\r\nx\r\n" + end), "400"},
        {"size with a plus", chunked("+1\r\nx\r\n" + end), "400"},
        {"size with a blank before", chunked(" 1\r\nx\r\n" + end), "400"},
        {"size with underscores", chunked("1_0\r\nx\r\n" + end), "400"},
        {"no size", chunked("\r\nx\r\n" + end), "400"},
        {"size ends in LF", chunked("1\nx\r\n" + end), "400"},
        {"size ends in CR", chunked("1\rx\r\n" + end), "400"},
        {"data end in LF", chunked("1\r\nx\n" + end), "400"},
        {"data longer than said", chunked("1\r\nxy\r\n" + end), "400"},
        {"LF in an extension", chunked("1;a=\"\n\"\r\nx\r\n" + end), "400"},
        {"bare LF in an extension", chunked("1;\nx\r\n" + end), "400"},
        {"escaped LF in an extension", chunked("1;a=\"\\\n\"\r\nx\r\n" + end), "400"},
        {"CR in an extension", chunked("1;a=\"\r\"\r\nx\r\n" + end), "400"},
        {"NUL in an extension", chunked(std::string("1;a=\"\0\"\r\nx\r\n", 14) + end), "400"},
        {"LF in the last extension", chunked("0;a=\"\n\"\r\n\r\n" + inner), "400"},
        {"a trailer with a bare LF", chunked("0\r\nA: b\nC: d\r\n\r\n" + inner), "400"},
        {"a trailer that is a length", chunked("0\r\nContent-Length: 5\r\n\r\n" + inner), "400"},
    });
}

// Lines that end otherwise, names and first lines that are none.
BOOST_AUTO_TEST_CASE(heads) {
    expect_refused({
        {"bare LF", "POST / HTTP/1.1\nHost: h\n\n" + inner, "400"},
        {"bare LF at the end", "POST / HTTP/1.1\r\nHost: h\r\n\n" + inner, "400"},
        {"bare CR in the first line", "POST /\r HTTP/1.1\r\nHost: h\r\n\r\n" + inner, "400"},
        {"a name with a NUL", post(std::string("X\0: y\r\n", 7), inner), "400"},
        {"an empty name", post(": y\r\n", inner), "400"},
        {"two blanks in the first line", "POST  / HTTP/1.1\r\nHost: h\r\n\r\n" + inner, "400"},
        {"a tab in the first line", "POST\t/ HTTP/1.1\r\nHost: h\r\n\r\n" + inner, "400"},
        {"no version", "POST /\r\nHost: h\r\n\r\n" + inner, "400"},
        {"a version of two digits", "POST / HTTP/1.10\r\nHost: h\r\n\r\n" + inner, "400"},
        {"a CR before the method", "\rPOST / HTTP/1.1\r\nHost: h\r\n\r\n" + inner, "400"},
        {"two hosts", "POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + inner, "400"},
        {"no host", "POST / HTTP/1.1\r\n\r\n" + inner, "400"},
        {"a host with a path", "POST / HTTP/1.1\r\nHost: a/b\r\n\r\n" + inner, "400"},
    });
}

// Empty lines before a request are passed over (RFC 9112 §2.2): a sender that ends its body with
// one is not punished with its next request.
BOOST_AUTO_TEST_CASE(empty_lines_before_a_request) {
    server s;
    support::raw_client c = s.client();
    c.say("\r\n" + post("Content-Length: 5\r\n", "hello\r\n")).receive("POST / 5\n");
    for (const char* lines : {"\r\n", "\n", "\r\n\r\n\n", ""})
        BOOST_TEST(
            contains(c.say(lines + post("Content-Length: 0\r\n")).receive("POST / 0\n"), "200 OK"),
            lines);
    c.say(post("Content-Length: 0\r\n") + "\r\n" + post("Content-Length: 1\r\n", "x"));
    BOOST_TEST(contains(c.receive("POST / 0\n"), "200 OK"));
    BOOST_TEST(contains(c.receive("POST / 1\n"), "200 OK"));
    c.say("\r");
    s.loop.run_for(std::chrono::milliseconds(20));
    BOOST_TEST(contains(c.say("\n" + post("Content-Length: 0\r\n")).receive("POST / 0\n"), "200"));
    BOOST_TEST(s.got.size() == 8u);
}

// Connection is a list of names; what is between them is no reason to lose a webhook.
BOOST_AUTO_TEST_CASE(connection_fields) {
    server s;
    for (const char* value : {"close;", "close ;x=1", "keep-alive; close", "\"close\"", ",close,",
                              "close keep-alive", "X-A X-B;close"})
        BOOST_TEST(contains(s.talk(post(fmt::format("Connection: {}\r\nX-A: 1\r\n"
                                                    "Content-Length: 5\r\n",
                                                    value),
                                        "hello")),
                            "POST / 5\n(end)"),
                   value);
    support::raw_client c = s.client();
    for (const char* value : {"keep-alive;", ";", "", "@", "keep-alive, ;x"})
        BOOST_TEST(contains(c.say(post(fmt::format("Connection: {}\r\nProxy-Connection: a b\r\n"
                                                   "Content-Length: 5\r\n",
                                                   value),
                                       "hello"))
                                .receive("POST / 5\n"),
                            "\r\nConnection: keep-alive\r\n"),
                   value);
    for (const auto& r : s.got) BOOST_TEST(r.body == "hello");
    expect_refused({{"a control character", post("Connection: close\x01\r\n", inner), "400"},
                    {"beside a bad field", post("Connection: a;\r\nX: \x01\r\n", inner), "400"}});
}

BOOST_AUTO_TEST_SUITE_END()
