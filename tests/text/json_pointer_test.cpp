// Shows which text of a JSON text a pointer names (RFC 6901 §5), and what names nothing.
#include "supe/text/json_pointer.hpp"
#include "supe/text/json_text.hpp"

#include <boost/test/unit_test.hpp>

namespace {

std::string at(const std::string& text, const std::string& pointer) {
    const auto found = supe::value_at(text, pointer);
    return found ? std::string(*found) : "nothing";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(json_pointer)

// The examples of RFC 6901 §5.
BOOST_AUTO_TEST_CASE(of_the_rfc) {
    const std::string text = R"( {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3,
        "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8} )";
    BOOST_TEST(at("[1, 2] ", "") == "[1, 2]");
    BOOST_TEST(at(text, "/foo") == R"(["bar", "baz"])");
    BOOST_TEST(at(text, "/foo/0") == R"("bar")");
    BOOST_TEST(at(text, "/") == "0");
    BOOST_TEST(at(text, "/a~1b") == "1");
    BOOST_TEST(at(text, "/c%d") == "2");
    BOOST_TEST(at(text, "/e^f") == "3");
    BOOST_TEST(at(text, "/g|h") == "4");
    BOOST_TEST(at(text, "/i\\j") == "5");
    BOOST_TEST(at(text, "/k\"l") == "6");
    BOOST_TEST(at(text, "/ ") == "7");
    BOOST_TEST(at(text, "/m~0n") == "8");
}

BOOST_AUTO_TEST_CASE(what_names_nothing) {
    for (const char* pointer :
         {"/b", "/a/5", "/a/-", "/a/01", "/a/x", "/a/", "/a/0/0", "/a/99999999999"})
        BOOST_TEST(at(R"({"a": [1, 2]})", pointer) == "nothing", pointer);
    for (const char* text : {"", "no", "[1", "{\"a\":1} x", "{\"a\":[1,]}"})
        BOOST_TEST(at(text, "/a") == "nothing", text);
    for (const char* pointer : {"a", "/~", "/~2", "/a~"})
        BOOST_TEST(!supe::is_json_pointer(pointer));
    for (const char* pointer : {"", "/", "/~0~1", "/a/b"})
        BOOST_TEST(supe::is_json_pointer(pointer));
}

// The elements of an array, as they stand; as many as are allowed.
BOOST_AUTO_TEST_CASE(elements) {
    const auto found = supe::elements_of("\n[ {\"a\": [1]} ,\"x,]\",3,[ ] ]\n", 4);
    BOOST_REQUIRE(found);
    BOOST_TEST(*found == (std::vector<std::string_view>{"{\"a\": [1]}", "\"x,]\"", "3", "[ ]"}),
               boost::test_tools::per_element());
    BOOST_TEST(supe::elements_of("[1,2,3]", 3)->size() == 3u);
    BOOST_TEST(!supe::elements_of("[1,2,3]", 2));
    BOOST_TEST(supe::elements_of("[]", 0)->empty());
    for (const char* text :
         {"", "[", "[1", "[1,", "[1,]", "[,]", "[1 2]", "[1]]", "{}", "\"[]\"", "[1}"})
        BOOST_TEST(!supe::elements_of(text, 9), text);
}

BOOST_AUTO_TEST_SUITE_END()
