// Shows the forms of `listen` in a tree file, and the errors of other texts (contract §5).
#include "supe/process/listen_address.hpp"

#include <boost/test/unit_test.hpp>
#include <stdexcept>

using supe::parse_listen_address;
using kind = supe::listen_address::kind;

namespace {

std::string fault_in(std::string_view text) {
    try {
        parse_listen_address(text);
        return "(none)";
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(listen_address)

// Each form has the meaning that users of systemd and Node expect.
BOOST_AUTO_TEST_CASE(forms) {
    auto a = parse_listen_address("127.0.0.1:8080");
    BOOST_TEST((a.what == kind::ipv4 && a.host == "127.0.0.1" && a.port == 8080));
    a = parse_listen_address("0.0.0.0:80");
    BOOST_TEST((a.what == kind::ipv4 && a.host == "0.0.0.0" && a.port == 80));
    a = parse_listen_address("[::1]:0");
    BOOST_TEST((a.what == kind::ipv6 && a.host == "::1" && a.port == 0));
    a = parse_listen_address("localhost:65535");
    BOOST_TEST((a.what == kind::ipv4 && a.host == "127.0.0.1" && a.port == 65535));
    a = parse_listen_address(":8080");
    BOOST_TEST((a.what == kind::any && a.port == 8080));
    a = parse_listen_address("unix:run/web:1.sock");
    BOOST_TEST((a.what == kind::unix_path && a.path == "run/web:1.sock"));
}

// An IPv6 address has one notation here, whatever the text has.
BOOST_AUTO_TEST_CASE(one_notation) {
    for (const char* text : {"[::1]:80", "[0:0::1]:80", "[0000:0:0:0:0:0:0:0001]:80"})
        BOOST_TEST((parse_listen_address(text) == parse_listen_address("[::1]:80")), text);
    BOOST_TEST((parse_listen_address("localhost:80") == parse_listen_address("127.0.0.1:80")));
    BOOST_TEST(parse_listen_address("[FE80::A]:80").host == "fe80::a");
    BOOST_TEST(parse_listen_address("[0::0]:80").takes_all());
}

// Which two addresses cannot be had at once.
BOOST_AUTO_TEST_CASE(overlapping) {
    const auto overlap = [](const char* a, const char* b) {
        const auto one = parse_listen_address(a), other = parse_listen_address(b);
        BOOST_TEST(one.overlaps(other) == other.overlaps(one));
        return one.overlaps(other);
    };
    BOOST_TEST(overlap("127.0.0.1:80", "localhost:80"));
    BOOST_TEST(overlap(":80", "127.0.0.1:80"));
    BOOST_TEST(overlap("[::]:80", "127.0.0.1:80"));
    BOOST_TEST(overlap(":80", "[::1]:80"));
    BOOST_TEST(overlap(":80", "0.0.0.0:80"));
    BOOST_TEST(overlap("0.0.0.0:80", "127.0.0.1:80"));
    BOOST_TEST(!overlap("0.0.0.0:80", "[::1]:80"));
    BOOST_TEST(!overlap("127.0.0.1:80", "127.0.0.2:80"));
    BOOST_TEST(!overlap(":80", ":81"));
    BOOST_TEST(!overlap(":0", ":0"));
    BOOST_TEST(!overlap("unix:a", "unix:a"));
    auto alone = parse_listen_address("[::]:80");
    alone.without_ipv4 = true;
    const auto beside = [&](const char* text) {
        return !alone.overlaps(parse_listen_address(text)) &&
               !parse_listen_address(text).overlaps(alone);
    };
    BOOST_TEST(beside("127.0.0.1:80"));
    BOOST_TEST(beside("0.0.0.0:80"));
    BOOST_TEST(!beside("[::1]:80"));
    BOOST_TEST(!beside("[::]:80"));
    BOOST_TEST(!beside(":80"));
}

// Other texts are refused with the text and what was expected. Host names are refused, because a
// lookup would block.
BOOST_AUTO_TEST_CASE(faults) {
    const std::string forms = " is not ADDRESS:PORT, [IPV6]:PORT, :PORT or unix:PATH";
    const std::string port = " has no port from 0 to 65535 at its end";
    const std::string name = " has no numeric address (or localhost): host names are not looked up";
    BOOST_TEST(fault_in("") == "\"\"" + forms);
    BOOST_TEST(fault_in("8080") == "\"8080\"" + forms);
    for (const char* text :
         {"127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:80x", "127.0.0.1:http", ":"})
        BOOST_TEST(fault_in(text) == '"' + std::string(text) + '"' + port);
    for (const char* text :
         {"example.com:80", "256.0.0.1:80", "127.1:80", "[127.0.0.1]:80", "[]:80", "[::1:80"})
        BOOST_TEST(fault_in(text) == '"' + std::string(text) + '"' + name);
    BOOST_TEST(fault_in("::1:80") == "\"::1:80\" needs brackets: \"[::1]:80\"");
    BOOST_TEST(fault_in("unix:") == "\"unix:\" has no file name, as in \"unix:web.sock\"");
}

BOOST_AUTO_TEST_SUITE_END()
