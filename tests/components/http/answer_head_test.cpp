// Shows what of an answer's head decides: its status, and where the head ends, whatever else is
// odd.
#include "components/http/answer_head.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

using components::field_of_head;
using head_reader = components::answer_head;

namespace {

/// `STATUS SIZE`, or `more`, or `foreign`.
std::string said(const head_reader& head) {
    if (head.is_foreign()) return "foreign";
    if (head.status() == 0) return "more";
    return std::to_string(head.status()) + " " + std::to_string(head.size());
}

std::string read(std::string_view bytes) {
    head_reader head;
    head.read(bytes);
    return said(head);
}

/// The same, where each byte comes alone.
std::string read_slowly(std::string_view bytes) {
    head_reader head;
    for (std::size_t n = 1; n <= bytes.size() && !head.is_foreign() && !head.is_whole(); ++n)
        head.read(bytes.substr(0, n));
    return said(head);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(answer_head)

// The status is known as soon as its three digits are, and the size once the empty line is there.
BOOST_AUTO_TEST_CASE(the_first_line_decides) {
    const std::pair<std::string_view, const char*> table[] = {
        {"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody", "200 25"},
        {"HTTP/1.1 200 \r\n\r\n", "200 17"},
        {"HTTP/1.1 200\r\n\r\n", "200 16"},
        {"HTTP/1.1 200\n\n", "200 14"},
        {"HTTP/1.1 200 OK\nA: b\n\nbody", "200 22"},
        {"HTTP/1.1 200 OK\r\nA: b\n\r\n", "200 24"},
        {"HTTP/1.1 200 OK\nA: b\r\n\n", "200 23"},
        {"HTTP/1.1  204\tNo\r\n\r\n", "204 20"},
        {"HTTP/1.0 500 Oh\r\n\r\n", "500 19"},
        {"HTTP/2 202\r\n\r\n", "202 14"},
        {"\r\n\r\nHTTP/1.1 201 Made\r\n\r\n", "201 25"},
        {"HTTP/1.1 100\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "100 16"},
        {"HTTP/1.1 200 OK\r\nno colon\r\n: no name\r\n\x01\r\n\r\n", "200 43"},
        {"HTTP/1.1 200 O", "200 0"},
        {"HTTP/1.1 200 OK\r\nA: b\r\n\r", "200 0"},
    };
    for (const auto& [bytes, expected] : table) {
        BOOST_TEST(read(bytes) == expected, bytes);
        BOOST_TEST(read_slowly(bytes) == expected, bytes);
    }
}

// What is cut before the status is no answer yet; what is no HTTP is known at once.
BOOST_AUTO_TEST_CASE(no_status) {
    for (const char* bytes :
         {"", "H", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20", "HTTP/1.1 200", "\r\n\r\n", "\n"}) {
        BOOST_TEST(read(bytes) == "more", bytes);
        BOOST_TEST(read_slowly(bytes) == "more", bytes);
    }
    for (const char* bytes :
         {"SSH-2.0-OpenSSH_9\r\n", "<html>", "HTP", "http/1.1 200 OK", "HTTP/1.1 2000 OK\r\n",
          "HTTP/1.1 20 OK\r\n", "HTTP/1.1 000 OK\r\n", "HTTP/1.1 099 OK\r\n", "HTTP/1.1\r\n",
          "HTTP/1.1 OK\r\n", "HTTP/1.1111111111111111", "\x15\x03\x03"}) {
        BOOST_TEST(read(bytes) == "foreign", bytes);
        BOOST_TEST(read_slowly(bytes) == "foreign", bytes);
    }
}

// Answers before the real one; 101 is the last.
BOOST_AUTO_TEST_CASE(interim) {
    for (const auto& [bytes, expected] : {std::pair{"HTTP/1.1 100 \r\n", true},
                                          {"HTTP/1.1 103 Early Hints\r\n", true},
                                          {"HTTP/1.1 101 Switching Protocols\r\n", false},
                                          {"HTTP/1.1 200 OK\r\n", false}}) {
        head_reader head;
        head.read(bytes);
        BOOST_TEST(head.is_interim() == expected, bytes);
    }
}

// The first field of a name, without blanks around it, of whole lines alone.
BOOST_AUTO_TEST_CASE(fields) {
    const std::string_view head =
        "HTTP/1.1 503 No\r\nretry-after : 7 \r\nRetry-After: 9\nempty:\r\nCut: 12";
    BOOST_TEST(field_of_head(head, "Retry-After") == "7");
    BOOST_TEST(field_of_head(head, "empty") == "");
    BOOST_TEST(field_of_head(head, "Cut") == "");
    BOOST_TEST(field_of_head("", "Cut") == "");
}

BOOST_AUTO_TEST_SUITE_END()
