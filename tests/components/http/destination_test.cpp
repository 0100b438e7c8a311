// Shows where webhooks go and in which words, to the letter of contract §7.
#include "components/http/destination.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using components::parse_retry_after;

namespace {

/// `http host port authority base`, or what is wrong.
std::string parsed(const std::string& url) {
    try {
        const auto d = components::parse_destination(url);
        return fmt::format("{} {} {} {} [{}]", d.tls ? "https" : "http", d.host, d.port,
                           d.authority, d.base_path);
    } catch (const std::invalid_argument& e) {
        return e.what();
    }
}

std::string head(const std::string& to, const components::webhook& w, unsigned attempt = 1) {
    return components::delivery_head(components::parse_destination(to), w, attempt);
}

components::webhook sample() {
    return {"01HZX",
            1700000000123,
            "POST",
            "/hooks/a?b=c%20d",
            {{"Host", "relay.example"}, {"Content-Type", "application/json"}},
            "192.0.2.1",
            "hello"};
}

bool has_line(const std::string& head, const std::string& line) {
    return head.find("\r\n" + line + "\r\n") != head.npos;
}

/// In seconds; -1 where it is none. Asked at noon on 6 Nov 1994.
long seconds(const std::string& text) {
    const auto noon = std::chrono::system_clock::from_time_t(784123200);
    const auto found = parse_retry_after(text, noon);
    return found ? static_cast<long>(found->count() / 1000) : -1;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(destination)

BOOST_AUTO_TEST_CASE(takes_urls_apart) {
    BOOST_TEST(parsed("http://localhost:3000") == "http localhost 3000 localhost:3000 []");
    BOOST_TEST(parsed("http://localhost") == "http localhost 80 localhost []");
    BOOST_TEST(parsed("https://app.example.com/hooks/") ==
               "https app.example.com 443 app.example.com [/hooks]");
    BOOST_TEST(parsed("https://app.example.com:443/a//b") ==
               "https app.example.com 443 app.example.com [/a//b]");
    BOOST_TEST(parsed("https://app.example.com:80/") ==
               "https app.example.com 80 app.example.com:80 []");
    BOOST_TEST(parsed("http://[::1]:8080/x") == "http ::1 8080 [::1]:8080 [/x]");
    BOOST_TEST(parsed("http://[2001:db8::7]") == "http 2001:db8::7 80 [2001:db8::7] []");
    BOOST_TEST(parsed("http://10.0.0.1:/a%20b") == "http 10.0.0.1 80 10.0.0.1 [/a%20b]");
    BOOST_TEST(parsed("http://10.0.0.1.nip.io:3000/x") ==
               "http 10.0.0.1.nip.io 3000 10.0.0.1.nip.io:3000 [/x]");
    BOOST_TEST(parsed("https://1.2.3.4-a.example") ==
               "https 1.2.3.4-a.example 443 1.2.3.4-a.example []");
    BOOST_TEST(parsed("HTTP://Host") == "http Host 80 Host []");
}

// Each refusal names the text and the reason.
BOOST_AUTO_TEST_CASE(refuses_with_a_reason) {
    BOOST_TEST(parsed("") ==
               "\"\": not a URL like http://localhost:3000 or https://app.example.com/hooks");
    BOOST_TEST(parsed("localhost:3000").starts_with("\"localhost:3000\": "));
    BOOST_TEST(parsed("http://a b").starts_with("\"http://a b\": not a URL"));
    for (const char* no_url :
         {"http:a://b", "http://a:b", "http://[::1", "http://[::1]x", "http://a\\b", "http://a%zz",
          "http://a/b c", "//a", "http:///a", "http:/a"})
        BOOST_TEST(parsed(no_url).starts_with("\"" + std::string(no_url) + "\": "), no_url);
    BOOST_TEST(parsed("ftp://a") == "\"ftp://a\": \"ftp\" is not one of http, https");
    BOOST_TEST(parsed("http://") == "\"http://\": it names no host");
    BOOST_TEST(parsed("http://u:p@a") ==
               "\"http://u:p@a\": a user name or password does not belong into the URL");
    BOOST_TEST(
        parsed("http://a/?x=1") ==
        "\"http://a/?x=1\": a query or fragment does not belong here: each webhook brings its "
        "own path and query");
    BOOST_TEST(parsed("http://a/#x").ends_with("its own path and query"));
    BOOST_TEST(parsed("http://a:0") == "\"http://a:0\": the port must be from 1 to 65535");
    BOOST_TEST(parsed("http://a:65536").ends_with("the port must be from 1 to 65535"));
    BOOST_TEST(
        parsed("http://a:99999999999999999999").ends_with("the port must be from 1 to 65535"));
}

// The whole head: path behind path, the sender's fields in their order, then ours.
BOOST_AUTO_TEST_CASE(the_head_of_a_delivery) {
    BOOST_TEST(head("https://app.example.com/in/", sample(), 3) ==
               "POST /in/hooks/a?b=c%20d HTTP/1.1\r\n"
               "Host: app.example.com\r\n"
               "Content-Type: application/json\r\n"
               "Content-Length: 5\r\n"
               "Supe-Webhook-Id: 01HZX\r\n"
               "Supe-Attempt: 3\r\n"
               "Supe-Received-At: 2023-11-14T22:13:20.123Z\r\n"
               "Idempotency-Key: 01HZX\r\n"
               "X-Forwarded-For: 192.0.2.1\r\n"
               "X-Forwarded-Host: relay.example\r\n"
               "X-Forwarded-Proto: http\r\n"
               "Via: 1.1 supe\r\n"
               "\r\n");
}

// The path follows that of `to`, but for `/` alone: it adds nothing, so that `to` itself can be
// reached. With `exact` all arrive there. The query always goes along.
BOOST_AUTO_TEST_CASE(targets) {
    using components::path_rule;
    const auto target = [](const char* to, const char* of, path_rule paths) {
        return components::delivery_target(components::parse_destination(to), of, paths);
    };
    const auto appended = [&](const char* to, const char* of) {
        return target(to, of, path_rule::appended);
    };
    const auto exact = [&](const char* to, const char* of) {
        return target(to, of, path_rule::dropped);
    };
    BOOST_TEST(appended("http://a/hook", "/") == "/hook");
    BOOST_TEST(appended("http://a/hook", "/?x=/1") == "/hook?x=/1");
    BOOST_TEST(appended("http://a/hook/", "/") == "/hook/");
    BOOST_TEST(appended("http://a/hook/", "/b/") == "/hook/b/");
    BOOST_TEST(appended("http://a/hook", "//") == "/hook//");
    BOOST_TEST(appended("http://a", "/") == "/");
    BOOST_TEST(appended("http://a/", "/?q") == "/?q");
    BOOST_TEST(appended("http://a", "/b?c?d") == "/b?c?d");
    BOOST_TEST(exact("http://a/hook", "/b/c") == "/hook");
    BOOST_TEST(exact("http://a/hook/", "/b?c=d") == "/hook/?c=d");
    BOOST_TEST(exact("http://a", "/b?c") == "/?c");
    BOOST_TEST(exact("http://a", "/") == "/");
}

// How its signature was checked at the intake, where it was.
BOOST_AUTO_TEST_CASE(verified) {
    components::webhook w = sample();
    BOOST_TEST(head("http://app", w).find("Supe-Verified") == std::string::npos);
    w.verified = "github";
    w.headers.emplace_back("Supe-Verified", "stripe");
    BOOST_TEST(has_line(head("http://app", w), "Supe-Verified: github"));
    BOOST_TEST(!has_line(head("http://app", w), "Supe-Verified: stripe"));
}

// What we write ourselves is ours alone, whatever the sender wrote there and how he spelt it.
BOOST_AUTO_TEST_CASE(inbound_copies_are_dropped) {
    components::webhook w = sample();
    w.headers = {{"host", "h"},
                 {"CONTENT-LENGTH", "77"},
                 {"supe-webhook-id", "evil"},
                 {"Supe-Attempt", "9"},
                 {"SUPE-RECEIVED-AT", "never"},
                 {"X-Forwarded-For", "6.6.6.6"},
                 {"x-forwarded-PORT", "1"},
                 {"X-Forwarded-Anything", "1"},
                 {"forwarded", "for=6.6.6.6;host=evil"},
                 {"X-Forwarded", "kept"},
                 {"Supe-Other", "kept"},
                 {"X-Real-IP", "kept"}};
    w.remote.clear();
    w.body.clear();
    w.method = "DELETE";
    w.target = "/";
    BOOST_TEST(head("http://app", w) ==
               "DELETE / HTTP/1.1\r\nHost: app\r\nX-Forwarded: kept\r\nSupe-Other: "
               "kept\r\nX-Real-IP: kept\r\nContent-Length: 0\r\n"
               "Supe-Webhook-Id: 01HZX\r\nSupe-Attempt: 1\r\nSupe-Received-At: "
               "2023-11-14T22:13:20.123Z\r\nIdempotency-Key: 01HZX\r\n"
               "X-Forwarded-Host: h\r\nX-Forwarded-Proto: http\r\nVia: 1.1 supe\r\n\r\n");
}

// CGI reads a name without the difference between a dash and an underscore or any other sign: what
// it would take for ours is dropped too, and nothing else.
BOOST_AUTO_TEST_CASE(copies_that_cgi_would_read_are_dropped) {
    components::webhook w = sample();
    w.headers = {{"X_Forwarded_For", "6.6.6.6"}, {"x_forwarded-host", "evil"},
                 {"X.Forwarded.Proto", "evil"},  {"Supe_Attempt", "9"},
                 {"SUPE_webhook-ID", "evil"},    {"Supe_Received_At", "never"},
                 {"Supe_Verified", "yes"},       {"Supe-Verified", "yes"},
                 {"Content_Length", "77"},       {"Transfer_Encoding", "chunked"},
                 {"Idempotency_Key", "evil"},    {"X_Forwarded", "kept"},
                 {"X_Real_IP", "kept"},          {"SupeAttempt", "kept"}};
    w.body.clear();
    const std::string sent = head("http://app", w);
    BOOST_TEST(sent.find("evil") == sent.npos, sent);
    BOOST_TEST(sent.find("77") == sent.npos, sent);
    BOOST_TEST(
        sent.starts_with("POST /hooks/a?b=c%20d HTTP/1.1\r\nHost: app\r\nX_Forwarded: kept\r\n"
                         "X_Real_IP: kept\r\nSupeAttempt: kept\r\nContent-Length: 0\r\n"),
        sent);
    w.headers = {{"idempotency-key", "its own"}, {"Idempotency_Key", "evil"}};
    const std::string keyed = head("http://app", w);
    BOOST_TEST(keyed.find("idempotency-key: its own\r\n") != keyed.npos, keyed);
    BOOST_TEST(keyed.find("evil") == keyed.npos, keyed);
}

// The sender's own key stays as it is, in its place; an empty one is none.
BOOST_AUTO_TEST_CASE(the_key_is_the_senders_or_the_id) {
    components::webhook w = sample();
    w.headers = {{"idempotency-key", "order-7"}, {"A", "1"}};
    const std::string own = head("http://app", w, 5);
    BOOST_TEST(has_line(own, "idempotency-key: order-7"));
    BOOST_TEST(own.find("Idempotency-Key") == own.npos);
    w.headers = {{"Idempotency-Key", ""}};
    const std::string empty = head("http://app", w);
    BOOST_TEST(has_line(empty, "Idempotency-Key: 01HZX"));
    BOOST_TEST(!has_line(empty, "Idempotency-Key: "));
}

// Those on the way before us stay in Via, in order; we come behind them (RFC 9110 §7.6.3).
BOOST_AUTO_TEST_CASE(via_is_appended_to) {
    components::webhook w = sample();
    w.headers = {{"Via", "1.0 fred, 1.1 p.example"}, {"A", "1"}, {"via", "2 other"}};
    const std::string text = head("http://app", w);
    const auto first = text.find("Via: 1.0 fred, 1.1 p.example\r\n"),
               second = text.find("via: 2 other\r\n"), ours = text.find("Via: 1.1 supe\r\n");
    BOOST_TEST(first != text.npos);
    BOOST_TEST(first < second);
    BOOST_TEST(second < ours);
    BOOST_TEST(ours != text.npos);
}

// Bytes that are no ASCII, repeats and odd spellings pass.
BOOST_AUTO_TEST_CASE(fields_pass_byte_for_byte) {
    components::webhook w = sample();
    w.headers = {{"x-b", "1"}, {"X-A", "\xff\t\"\\"}, {"X-B", ""}, {"x-b", "1"}};
    BOOST_TEST(head("http://app", w)
                   .find("Host: app\r\nx-b: 1\r\nX-A: \xff\t\"\\\r\nX-B: \r\nx-b: "
                         "1\r\nContent-Length: 5\r\n") != std::string::npos);
}

// Seconds, and a date in each of the three forms of HTTP (RFC 9110 §5.6.7); what is past is now,
// what is far is a year.
BOOST_AUTO_TEST_CASE(retry_after) {
    BOOST_TEST(seconds("0") == 0);
    BOOST_TEST(seconds("120") == 120);
    BOOST_TEST(seconds("99999999999999999999999") == 366 * 86400);
    BOOST_TEST(seconds("4294967296") == 366 * 86400);
    BOOST_TEST(seconds("Sun, 06 Nov 1994 12:00:30 GMT") == 30);
    BOOST_TEST(seconds("Sunday, 06-Nov-94 12:01:00 GMT") == 60);
    BOOST_TEST(seconds("Sun Nov  6 12:00:05 1994") == 5);
    BOOST_TEST(seconds("Sun, 06 Nov 1994 08:49:37 GMT") == 0);
    BOOST_TEST(seconds("Mon, 06 Nov 2094 08:49:37 GMT") == 366 * 86400);
    BOOST_TEST(seconds("Fri, 31 Dec 9999 23:59:59 GMT") == 366 * 86400);
    BOOST_TEST(seconds("Mon, 01 Jan 0001 00:00:00 GMT") == 0);
    for (const char* none : {"", "-1", "1.5", "12s", "soon", "Sun, 06 Nov 1994",
                             "Sun, 06 Nov 1994 12:00:30 GMT and more", " 5"})
        BOOST_TEST(seconds(none) == -1, none);
}

BOOST_AUTO_TEST_SUITE_END()
