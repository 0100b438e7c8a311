// Shows what a terminal is given of text from outside.
#include "supe/text/terminal_text.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>
#include <tuple>

using supe::terminal_json;
using supe::terminal_line;

BOOST_AUTO_TEST_SUITE(terminal_text)

// Whatever a line holds, no byte is left that a terminal would obey, in UTF-8 or in an 8-bit set.
BOOST_AUTO_TEST_CASE(no_control_character_is_left) {
    for (int a = 0; a < 256; ++a) {
        for (int b = 0; b < 256; ++b) {
            const std::string line{'x', static_cast<char>(a), static_cast<char>(b), 'y'};
            const std::string shown = terminal_line(line);
            for (std::size_t i = 0; i < shown.size(); ++i) {
                const auto c = static_cast<unsigned char>(shown[i]);
                const bool obeyed = (c < 0x20 && c != '\t') || c == 0x7f ||
                                    (c == 0xc2 && static_cast<unsigned char>(shown[i + 1]) < 0xa0);
                BOOST_REQUIRE_MESSAGE(!obeyed, a << " " << b);
            }
        }
    }
}

// What is shown instead names the bytes; text, tabs and all other characters stay.
BOOST_AUTO_TEST_CASE(shown_as_bytes) {
    BOOST_TEST(terminal_line("plain \t text") == "plain \t text");
    BOOST_TEST(terminal_line("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80 \xc2\xa0") ==
               "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80 \xc2\xa0");
    BOOST_TEST(terminal_line("\x1b]0;title\x07") == "\\x1b]0;title\\x07");
    BOOST_TEST(terminal_line("\x1b[31mred") == "\\x1b[31mred");
    BOOST_TEST(terminal_line("a\xc2\x9b\x32J\x7f") == "a\\xc2\\x9b2J\\x7f");
    BOOST_TEST(terminal_line("a\x9b\xff\xe2\x82") == "a\\x9b\\xff\\xe2\\x82");
    BOOST_TEST(terminal_line("a\rb\nc\r") == "a\\x0db\\x0ac");
    BOOST_TEST(terminal_line(std::string("a\0b", 3)) == "a\\x00b");
    BOOST_TEST(supe::terminal_lines("a\x1b\nb\n") == "a\\x1b\nb\n");
}

// What sets the direction of text could make a line read as another one.
BOOST_AUTO_TEST_CASE(no_text_is_turned_around) {
    for (const auto& [bytes, shown, in_json] :
         {std::tuple("\xd8\x9c", "\\xd8\\x9c", "\\u061c"),
          std::tuple("\xe2\x80\x8e", "\\xe2\\x80\\x8e", "\\u200e"),
          std::tuple("\xe2\x80\x8f", "\\xe2\\x80\\x8f", "\\u200f"),
          std::tuple("\xe2\x80\xaa", "\\xe2\\x80\\xaa", "\\u202a"),
          std::tuple("\xe2\x80\xae", "\\xe2\\x80\\xae", "\\u202e"),
          std::tuple("\xe2\x81\xa6", "\\xe2\\x81\\xa6", "\\u2066"),
          std::tuple("\xe2\x81\xa9", "\\xe2\\x81\\xa9", "\\u2069")}) {
        const std::string text = std::string("a") + bytes + "b";
        BOOST_TEST(terminal_line(text) == std::string("a") + shown + "b");
        const std::string json = "\"" + text + "\"";
        BOOST_TEST(terminal_json(json) == std::string("\"a") + in_json + "b\"");
        BOOST_TEST((boost::json::parse(terminal_json(json)) == boost::json::parse(json)));
    }
    // Their neighbours, a joiner of emoji among them, and Arabic letters stay.
    for (const char* harmless : {"\xd8\x9b", "\xd8\xa7", "\xe2\x80\x8d", "\xe2\x80\x90",
                                 "\xe2\x80\xaf", "\xe2\x81\xa5", "\xe2\x81\xaa"}) {
        BOOST_TEST(terminal_line(harmless) == harmless);
        BOOST_TEST(terminal_json(harmless) == harmless);
    }
}

// JSON means the same, and its line ends between values stay.
BOOST_AUTO_TEST_CASE(json_means_the_same) {
    const std::string text = "{\n  \"a\x7f\": \"\xc2\x9b\x32J \\u001b \xc3\xbc\"\n}";
    const std::string shown = terminal_json(text);
    BOOST_TEST(shown == "{\n  \"a\\u007f\": \"\\u009b2J \\u001b \xc3\xbc\"\n}");
    BOOST_TEST((boost::json::parse(shown) == boost::json::parse(text)));
}

BOOST_AUTO_TEST_SUITE_END()
