// Shows that an answer that is text is passed on as it stands, and is read as any other.
#include "supe/supervision/large_answer.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

namespace json = boost::json;
using supe::answer_text;
using supe::read_large_answer;

BOOST_AUTO_TEST_SUITE(large_answer)

// Each byte of the text stays: what cannot be printed again as it stood, too.
BOOST_AUTO_TEST_CASE(passed_on) {
    for (const char* ok : {R"({"n": 1.50, "s":"\u0000\/"})", "1e999", R"("\ud800")", "null"}) {
        const std::string text = std::string(R"({"ok":)") + ok + "}";
        BOOST_TEST(answer_text(supe::large_answer(ok)) == text);
        BOOST_TEST(answer_text(read_large_answer(text)) == text);
    }
    // Its place among other members does not matter.
    BOOST_TEST(answer_text(read_large_answer(R"({"x":1,"ok":[1, 2]})")) == R"({"ok":[1, 2]})");
}

// Who looks into it finds what any other answer has.
BOOST_AUTO_TEST_CASE(looked_into) {
    const json::value built = json::parse(R"({"ok":{"children":[1,2]}})");
    for (const json::value& answer : {built, read_large_answer(json::serialize(built))}) {
        BOOST_TEST(answer_text(answer) == json::serialize(built));
        BOOST_TEST(supe::has_ok(answer));
        BOOST_REQUIRE(supe::ok_of(answer));
        BOOST_TEST((*supe::ok_of(answer) == built.at("ok")));
    }
}

// An error is built: it has a code. What is no answer has no `ok`.
BOOST_AUTO_TEST_CASE(errors) {
    const json::value error = read_large_answer(R"({"error":"no","code":3})");
    BOOST_TEST(error.at("code") == 3);
    BOOST_TEST(answer_text(error) == R"({"error":"no","code":3})");
    for (const char* text : {R"({"error":"no","code":3})", "", "{", R"({"ok":1)", R"({"ok":1}})"}) {
        const json::value answer = read_large_answer(text);
        BOOST_TEST(!supe::has_ok(answer), text);
        BOOST_TEST(!supe::ok_of(answer), text);
    }
    BOOST_TEST(read_large_answer("{").is_null());
}

BOOST_AUTO_TEST_SUITE_END()
