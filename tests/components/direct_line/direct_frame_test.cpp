// Shows how the lines of a direct line are written and read.
#include "components/direct_line/direct_frame.hpp"

#include <boost/test/unit_test.hpp>

using components::append_frame;
using components::read_frame;

BOOST_AUTO_TEST_SUITE(direct_frame)

BOOST_AUTO_TEST_CASE(written_and_read) {
    std::string out;
    append_frame(out, {7, "{\"id\":\n1}"});
    append_frame(out, {18446744073709551615u, ""});
    BOOST_TEST(out == "7 {\"id\": 1}\n18446744073709551615 \n");
    const auto first = read_frame(R"(7 {"id": 1})");
    BOOST_REQUIRE(first);
    BOOST_TEST(first->number == 7u);
    BOOST_TEST(first->text == R"({"id": 1})");
    BOOST_TEST(read_frame("7 ")->text == "");
}

BOOST_AUTO_TEST_CASE(what_is_none) {
    for (const char* line : {"", "7", " 7 a", "x 7", "-1 a", "7x a", "18446744073709551616 a"})
        BOOST_TEST(!read_frame(line), line);
}

BOOST_AUTO_TEST_SUITE_END()
