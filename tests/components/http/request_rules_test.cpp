// Shows which requests are refused by their head alone.
#include "components/http/request_rules.hpp"

#include <boost/test/unit_test.hpp>

using components::http_fields;
using components::leaves_its_root;
using components::objection;
using components::read_target;

namespace {

/// What is said against a head with these fields; empty where nothing is.
std::string said(const http_fields& fields, unsigned version = 11, const char* target = "/") {
    const auto no = objection({version, target, fields});
    return no ? std::to_string(no->status) + " " + no->text : "";
}

http_fields with_host(const char* value) { return {{"Host", value}}; }

}  // namespace

BOOST_AUTO_TEST_SUITE(request_rules)

// HTTP/1.1 needs exactly one Host that names a host; HTTP/1.0 may come without.
BOOST_AUTO_TEST_CASE(one_host) {
    for (const char* good :
         {"a", "a.example:8080", "A_b", "127.0.0.1:1", "[::1]", "[::1]:65535", "a:"})
        BOOST_TEST(said(with_host(good)) == "", good);
    for (const char* evil : {"", " ", "a b", "a/b", "u@a", "a:b", "a:65536", "a:-1", "[::1", "::1",
                             "a?b", "a#b", "a\\b", "http://a", ":80", "a:1:2", "\xe4"}) {
        BOOST_TEST(said(with_host(evil)).starts_with("400 "), evil);
    }
    for (const char* address_in_name :
         {"10.0.0.1.sslip.io", "127.0.0.1.nip.io:8080", "1.2.3.4-a.example.com", "1.2.3.4.",
          "1.2.3.4x", "1.2.3.4.5", "1.2.3.256", "1.2.3.4%2e", "a!$&'()*+,;=~", "[v1.a]"})
        BOOST_TEST(said(with_host(address_in_name)) == "", address_in_name);
    for (const char* evil : {"u@1.2.3.4.nip.io", "1.2.3.4.nip.io:x", "1.2.3.4 .nip.io", "1.2.3.4%",
                             "a%zz", "a\x01", "[1.2.3.4]", "[::1]x", "[::1]:65536", "[]", "[a]"})
        BOOST_TEST(said(with_host(evil)).starts_with("400 "), evil);
    BOOST_TEST(said({}) == "400 Host is missing\n");
    BOOST_TEST(said({}, 10) == "");
    BOOST_TEST(said({{"Host", "a"}, {"hOST", "a"}}) == "400 more than one Host\n");
    BOOST_TEST(said({{"Host", "a"}, {"Host", "b"}}, 10) == "400 more than one Host\n");
    BOOST_TEST(said(with_host("a b"), 10).starts_with("400 "));
}

// One way to see where the body ends.
BOOST_AUTO_TEST_CASE(one_framing) {
    const auto framed = [](http_fields more, unsigned version = 11) {
        more.emplace_back("Host", "h");
        return said(more, version);
    };
    BOOST_TEST(framed({{"Content-Length", "5"}}) == "");
    BOOST_TEST(framed({{"Transfer-Encoding", "Chunked"}}) == "");
    BOOST_TEST(framed({{"Content-Length", "5"}, {"content-length", "5"}}).starts_with("400 "));
    BOOST_TEST(framed({{"Content-Length", "5, 5"}}).starts_with("400 "));
    BOOST_TEST(framed({{"Transfer-Encoding", "chunked"}}, 10).starts_with("400 "));
    BOOST_TEST(framed({{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}})
                   .starts_with("400 "));
    BOOST_TEST(framed({{"Transfer-Encoding", "gzip"}}).starts_with("501 "));
    const http_fields host = with_host("h");
    BOOST_TEST(objection({11, "/", host, true})->status == 400u);
}

// Both forms of a target.
BOOST_AUTO_TEST_CASE(targets) {
    const auto read = [](std::string_view text) {
        const auto target = read_target(text);
        return target ? target->authority + " " + target->path : "none";
    };
    BOOST_TEST(read("/a?b") == " /a?b");
    BOOST_TEST(read("http://host/a?b") == "host /a?b");
    BOOST_TEST(read("HTTPS://host:1") == "host:1 /");
    BOOST_TEST(read("http://10.0.0.1.nip.io:1/a") == "10.0.0.1.nip.io:1 /a");
    BOOST_TEST(read("http://host?b") == "host /?b");
    for (const char* neither : {"*", "", "a/b", "host:80", "ftp://host/", "http://", "http:///a",
                                "http://u@host/", "http://ho st/"})
        BOOST_TEST(read(neither) == "none", neither);
    BOOST_TEST(said(with_host("h"), 11, "*") == "400 the target is neither a path nor a URL\n");
}

// No reading of a target by any server leads above where it begins.
BOOST_AUTO_TEST_CASE(dot_segments) {
    for (const char* inside :
         {"/",    "/a",     "/a/../b",     "/a/./b", "/a/b/../../c", "/...",           "/a..b",
          "/..a", "/a..",   "/a?x=/../..", "/a%2fb", "/%2e",         "/a//b/..",       "/a;b/..",
          "/%",   "/%zz/a", "/a\\b",       "/%25",   "/a/%2e%2e/b",  "/.well-known/x", "/a%3f/..",
          "//a"})
        BOOST_TEST(!leaves_its_root(inside), inside);
    for (const char* outside : {"/..",
                                "/../x",
                                "/a/../../b",
                                "/%2e%2e",
                                "/.%2E/x",
                                "/%2e./x",
                                "/..;x/y",
                                "/..;/",
                                "/a/..;b=c/../x",
                                "/..\\x",
                                "/..%5cx",
                                "/..%2fx",
                                "/..%2Fx",
                                "/a/..%2f../x",
                                "/%252e%252e/x",
                                "/%25252e%25252e/x",
                                "/..%252fx",
                                "//../x",
                                "/a//../../x",
                                "/./../x",
                                "/%c0%ae%c0%ae/x",
                                "/%u002e%u002e/x",
                                "/%U002E./x",
                                "/%uff0e%uff0e/x",
                                "/..%u002fx",
                                "/..%uFF3Cx",
                                "/%25u002e%25u002e/x",
                                "/..%c0%afx",
                                "/..%c1%9cx",
                                "/..%00/x",
                                "/..%20/x",
                                "/..#/x",
                                "/a%2fb/../../x",
                                "/a\\b/../../x",
                                "/..?x",
                                "/a/b/../../..",
                                "/..%3fx",
                                "/..%3bx",
                                "/\\..",
                                "/a/..\\..\\b",
                                "/;/../x",
                                "/;a/../x"})
        BOOST_TEST(leaves_its_root(outside), outside);
    BOOST_TEST(said(with_host("h"), 11, "/../x") == "400 the target leads out of its path\n");
    BOOST_TEST(said(with_host("h"), 11, "http://h/..%2fx") ==
               "400 the target leads out of its path\n");
}

// The worst of what fits into a head is judged in a moment.
BOOST_AUTO_TEST_CASE(long_targets) {
    std::string nested = "/%", dots = "/";
    while (nested.size() < 60000) nested += "25";
    while (dots.size() < 60000) dots += "a/../";
    BOOST_TEST(!leaves_its_root(nested + "2e"));
    BOOST_TEST(!leaves_its_root(dots));
    BOOST_TEST(leaves_its_root(dots + "../"));
}

// An odd Connection field is mended, and what comes behind the head stays as it is.
BOOST_AUTO_TEST_CASE(mends_the_head_alone) {
    std::string text = "\r\nPOST / HTTP/1.1\r\nConnection: close;\r\n\r\nConnection: a; b\r\n";
    BOOST_TEST(components::mend_connection(text));
    BOOST_TEST(text.starts_with("\r\nPOST / HTTP/1.1\r\nConnection:,close,\r\n\r\n"));
    BOOST_TEST(text.ends_with("\r\n\r\nConnection: a; b\r\n"));
}

// A higher minor version is served as 1.1; another major one is another protocol.
BOOST_AUTO_TEST_CASE(versions) {
    const auto mended = [](std::string head) {
        return components::mend_version(head) ? head : "unchanged";
    };
    BOOST_TEST(mended("POST /a HTTP/1.2\r\nHost: h\r\n") == "POST /a HTTP/1.1\r\nHost: h\r\n");
    BOOST_TEST(mended("GET / HTTP/1.9") == "GET / HTTP/1.1");
    for (const char* as_it_is :
         {"GET / HTTP/1.1\r\n", "GET / HTTP/1.0\r\n", "GET / HTTP/2.2\r\n", "GET / HTTP/1.22\r\n",
          "GET / http/1.2\r\n", "GET / XHTTP/1.2\r\n", "HTTP/1.2", "", "\r\nGET / HTTP/1.2",
          "GET / HTTP/1.x", "GET / HTTP/1.2 \r\n"})
        BOOST_TEST(mended(as_it_is) == "unchanged", as_it_is);
    for (const char* other : {"GET / HTTP/2.0\r\n", "GET / HTTP/0.9\r\n", "PRI * HTTP/3.0"})
        BOOST_TEST(components::is_other_http(other), other);
    for (const char* not_other : {"GET / HTTP/1.7\r\n", "GET /\r\n", "GET / HTTP/x.0\r\n", ""})
        BOOST_TEST(!components::is_other_http(not_other), not_other);
}

BOOST_AUTO_TEST_SUITE_END()
