// Shows what is believed of the fields that proxies write, and what they become on delivery.
#include "components/http/forwarded.hpp"
#include "components/http/address_range.hpp"
#include "components/http/destination.hpp"
#include "components/http/via.hpp"

#include <boost/test/unit_test.hpp>

using components::called_site_of;
using components::http_fields;

namespace {

std::string called(const http_fields& headers, bool trusted = true, bool secure = false) {
    const auto site = called_site_of(headers, trusted, secure);
    return site.scheme + "://" + site.host;
}

std::string delivered(const components::webhook& w) {
    std::string text;
    for (const auto& [name, value] : components::forwarded_fields(w))
        text += name + ": " + value + "\n";
    return text;
}

bool in_range(const char* range, const char* address) {
    return components::is_in({components::address_range(range)}, address);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(forwarded)

// A trusted proxy says what the sender called; anybody else says nothing.
BOOST_AUTO_TEST_CASE(what_the_sender_called) {
    const http_fields headers{{"Host", "inside:8080"},
                              {"X-Forwarded-Proto", "https"},
                              {"X-Forwarded-Host", "hooks.example.com"}};
    BOOST_TEST(called(headers) == "https://hooks.example.com");
    BOOST_TEST(called(headers, false) == "http://inside:8080");
    BOOST_TEST(called({{"Host", "h"}}) == "http://h");
    BOOST_TEST(called({{"Host", "h"}, {"Forwarded", "for=1.2.3.4;Proto=https;host=\"e:8443\""}}) ==
               "https://e:8443");
    // The nearest proxy's word stands last.
    BOOST_TEST(called({{"Host", "h"}, {"X-Forwarded-Proto", "https, ,"}}) == "https://h");
    BOOST_TEST(called({{"Host", "h"}, {"Forwarded", " proto = https ; host = g ,, "}}) ==
               "https://g");
    // Quoted text may have commas, semicolons and escapes; a quote that is left open hides nothing.
    BOOST_TEST(called({{"Host", "h"}, {"Forwarded", R"(proto=https;x="a, b;c";host="e\:8443")"}}) ==
               "https://e:8443");
    BOOST_TEST(called({{"Host", "h"}, {"Forwarded", R"(host="evil, x", host="good")"}}) ==
               "http://good");
    BOOST_TEST(called({{"Host", "h"}, {"Forwarded", R"(for=", host=good;proto=https)"}}) ==
               "https://good");
    BOOST_TEST(called({{"Host", "h"}, {"X-Forwarded-Host", "evil, good"}}) == "http://good");
    BOOST_TEST(called({{"Host", "h"}, {"Forwarded", "host=evil"}, {"Forwarded", "host=good"}}) ==
               "http://good");
    // What cannot be is as if nothing was said.
    BOOST_TEST(
        called({{"Host", "h"}, {"X-Forwarded-Host", "a b"}, {"X-Forwarded-Proto", "gopher"}}) ==
        "http://h");
    // What came over TLS was called so, unless a trusted proxy says otherwise.
    BOOST_TEST(called({{"Host", "h"}, {"X-Forwarded-Proto", "http"}}, false, true) == "https://h");
    BOOST_TEST(called({{"Host", "h"}}, true, true) == "https://h");
    BOOST_TEST(called({{"Host", "h"}, {"X-Forwarded-Proto", "http"}}, true, true) == "http://h");
    BOOST_TEST(components::without_port("h:80") == "h");
    BOOST_TEST(components::without_port("[::1]:80") == "[::1]");
    BOOST_TEST(components::without_port("h") == "h");
}

// From a trusted proxy the chain goes on with the proxy; from others it begins with them.
BOOST_AUTO_TEST_CASE(on_delivery) {
    components::webhook w;
    w.headers = {{"Host", "inside"},
                 {"X-Forwarded-For", "203.0.113.9"},
                 {"X-Forwarded-For", "10.0.0.7"},
                 {"X-Forwarded-Proto", "https"},
                 {"X-Forwarded-Host", "hooks.example.com"},
                 {"Forwarded", "for=203.0.113.9;proto=https"}};
    w.remote = "10.0.0.1";
    w.proxied = true;
    BOOST_TEST(delivered(w) ==
               "X-Forwarded-For: 203.0.113.9, 10.0.0.7, 10.0.0.1\n"
               "X-Forwarded-Host: hooks.example.com\nX-Forwarded-Proto: https\n"
               "Forwarded: for=203.0.113.9;proto=https, for=10.0.0.1\n");
    w.remote = "::1";
    BOOST_TEST(delivered(w).ends_with(", for=\"[::1]\"\n"));
    w.proxied = false;
    BOOST_TEST(delivered(w) ==
               "X-Forwarded-For: ::1\nX-Forwarded-Host: inside\nX-Forwarded-Proto: http\n");
    w.secure = true;
    BOOST_TEST(delivered(w) ==
               "X-Forwarded-For: ::1\nX-Forwarded-Host: inside\nX-Forwarded-Proto: https\n");
    const std::string head =
        components::delivery_head(components::parse_destination("http://app"), w, 1);
    BOOST_TEST(head.find("203.0.113.9") == head.npos, head);
}

BOOST_AUTO_TEST_CASE(networks) {
    BOOST_TEST(in_range("10.0.0.0/8", "10.255.0.1"));
    BOOST_TEST(!in_range("10.0.0.0/8", "11.0.0.1"));
    BOOST_TEST(in_range("192.168.4.0/22", "192.168.7.255"));
    BOOST_TEST(!in_range("192.168.4.0/22", "192.168.8.0"));
    BOOST_TEST(in_range("0.0.0.0/0", "1.2.3.4"));
    BOOST_TEST(in_range("::1", "::1"));
    BOOST_TEST(!in_range("::1", "::2"));
    BOOST_TEST(in_range("fd00::/7", "fc00::1"));
    BOOST_TEST(!in_range("0.0.0.0/0", "::1"));
    BOOST_TEST(!in_range("10.0.0.0/8", "no address"));
    for (const char* bad : {"", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/", "10.0.0.0/8x",
                            "10.0.0.0/-1", "localhost", "fe80::1%eth0"})
        BOOST_CHECK_THROW(components::address_range{bad}, std::invalid_argument);
}

// A circle is known by our own name, among all that the Via fields name.
BOOST_AUTO_TEST_CASE(our_own_name_in_via) {
    using components::went_through;
    const http_fields headers{{"via", "1.0 fred, 1.1 nginx (a, comment)"},
                              {"Via", "HTTP/1.1  supe-0a1b2c3d (relay)"}};
    BOOST_TEST(went_through(headers, "supe-0a1b2c3d"));
    BOOST_TEST(went_through(headers, "fred"));
    BOOST_TEST(went_through(headers, "nginx"));
    BOOST_TEST(!went_through(headers, "supe"));
    BOOST_TEST(!went_through({{"Via", ""}, {"Via", ",, ,1.1"}}, "supe"));
    // A comment names no proxy; one without an end is none.
    BOOST_TEST(
        !went_through({{"Via", R"(1.1 a (b, 1.1 supe (c\), 1.1 supe ), 1.1 supe ))"}}, "supe"));
    BOOST_TEST(went_through({{"Via", "1.1 a (b, c), 1.1 supe"}}, "supe"));
    BOOST_TEST(went_through({{"Via", "1.1 a (b, 1.1 supe"}}, "supe"));
    BOOST_TEST(!went_through({{"X-Via", "1.1 supe"}}, "supe"));
}

BOOST_AUTO_TEST_SUITE_END()
