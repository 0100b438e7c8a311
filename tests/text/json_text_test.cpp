// Shows what is JSON and what is not (RFC 8259, RFC 3629), and that its text is split, quoted and
// read back exactly.
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"

#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

using supe::is_json;
using members = std::vector<std::pair<std::string, std::string>>;

namespace {

members members_of(std::string_view object, bool& well_formed) {
    members found;
    supe::json_members m(object);
    while (m.next()) found.emplace_back(m.key(), m.value());
    well_formed = m.well_formed();
    return found;
}

std::string nested(std::size_t depth, char open, char close) {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += open == '{' ? "{\"a\":" : std::string(1, open);
    text += "1";
    return text + std::string(depth, close);
}

/// The result of is_json for each text, which is also that of parse_json.
void expect(bool json, const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
        BOOST_TEST(is_json(text) == json, text);
        BOOST_TEST(supe::parse_json(text).has_value() == json, text);
    }
}

std::string reread(std::string_view text) {
    return boost::json::serialize(supe::parse_json(text).value());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(json_text)

// Every kind of value, blanks around and inside.
BOOST_AUTO_TEST_CASE(accepts_json) {
    expect(true, {"null", "true", "false", "0", "\"\"", "[]", "{}", " \t\r\n1 \t\r\n", "[ ]", "{ }",
                  "[1,2]", "[ 1 , [ 2 ] ]", R"({"a":1})", R"({ "a" : { "b" : [ ] } , "c" : null })",
                  R"({"a":1,"a":2})", R"({"":0})"});
}

BOOST_AUTO_TEST_CASE(refuses_what_is_none) {
    expect(false, {"",
                   " ",
                   "nul",
                   "nulll",
                   "True",
                   "tru e",
                   "1 2",
                   "[",
                   "]",
                   "[1",
                   "[1,",
                   "[1,]",
                   "[,1]",
                   "[,]",
                   "[1 2]",
                   "{",
                   "}",
                   "{\"a\"}",
                   "{\"a\":}",
                   "{\"a\":1,}",
                   "{,}",
                   "{\"a\":1 \"b\":2}",
                   "{a:1}",
                   "{1:1}",
                   "{'a':1}",
                   "[1}",
                   "{\"a\":1]",
                   "undefined",
                   "NaN",
                   "Infinity",
                   "-Infinity",
                   "// 1\n1",
                   "/**/1",
                   "\xef\xbb\xbf"
                   "1",
                   "1;",
                   std::string("1\0", 2),
                   std::string("\0", 1),
                   std::string("[1,\0]", 5),
                   "\v1",
                   "\f1",
                   "\xc2\xa0"
                   "1"});
}

// Numbers: RFC 8259 §6, of any size.
BOOST_AUTO_TEST_CASE(numbers) {
    expect(true, {"-0",
                  "-1",
                  "10",
                  "0.0",
                  "1.5",
                  "-0.5e1",
                  "1e5",
                  "1E5",
                  "1e+5",
                  "1e-5",
                  "1E+05",
                  "0e0",
                  "1e400",
                  "-1e400",
                  "1e-400",
                  "123456789012345678901234567890",
                  "1e99999999999999999999",
                  "0e99999999999999999999",
                  "1e-99999999999999999999",
                  "1e00000000000000000001",
                  std::string(400, '9'),
                  "0." + std::string(400, '0') + "1"});
    expect(false, {"-", "+1", "01", "-01", "00", "1.", ".5", "-.5", "1.e5", "1e", "1e+", "1e-",
                   "1e5.5", "0x10", "1_000", "1,5", "--1", "1e5e5", "1.5.5"});
}

// Escapes: RFC 8259 §7. A lone surrogate is in the grammar: JavaScript's JSON.stringify writes such
// strings.
BOOST_AUTO_TEST_CASE(escapes) {
    expect(true, {R"("\" \\ \/ \b \f \n \r \t \u0041 \u00e4 \u0000")", R"("\ud83d\ude00")",
                  R"("\uD83D\uDE00")", R"("\ud83d")", R"("\ude00")", R"("\ud83dx")",
                  R"("\ud83d\ud83d\ude00")", "\"\x7f\""});
    expect(false, {R"("\x41")", R"("\u")", R"("\u12")", R"("\u123g")", R"("\U0041")", R"("\)",
                   R"("\")", R"("\u1")", "\"", "\"abc", "\"a\nb\"", "\"a\tb\"", "\"\x1f\"",
                   std::string("\"a\0b\"", 5), "'a'", R"("\'")", R"("\a")", R"("\0")"});
}

// UTF-8: RFC 3629 §4. Overlong forms, surrogates, code points past U+10FFFF and truncated
// characters are refused; in keys too.
BOOST_AUTO_TEST_CASE(utf8) {
    const std::vector<std::string> good{
        "\xc2\x80",     "\xdf\xbf",         "\xe0\xa0\x80",     "\xed\x9f\xbf", "\xee\x80\x80",
        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xef\xbb\xbf", "\xe2\x80\xa8"};
    const std::vector<std::string> bad{"\x80",
                                       "\xbf",
                                       "\xc0\x80",
                                       "\xc1\xbf",
                                       "\xc2",
                                       "\xc2\x41",
                                       "\xe0\x80\x80",
                                       "\xe0\x9f\xbf",
                                       "\xe1\x80",
                                       "\xe1\x80\x41",
                                       "\xed\xa0\x80",
                                       "\xed\xbf\xbf",
                                       "\xf0\x80\x80\x80",
                                       "\xf0\x8f\xbf\xbf",
                                       "\xf1\x80\x80",
                                       "\xf1\x80\x80\x41",
                                       "\xf4\x90\x80\x80",
                                       "\xf5\x80\x80\x80",
                                       "\xf8\x88\x80\x80\x80",
                                       "\xfe",
                                       "\xff"};
    for (const auto& s : good)
        expect(true, {"\"" + s + "\"", "\"a" + s + "b\"", "{\"" + s + "\":1}"});
    for (const auto& s : bad) expect(false, {"\"" + s + "\"", "\"a" + s, "{\"" + s + "\":1}", s});
}

// Nesting up to the limit, of objects and arrays; depth takes no stack, so a million levels are
// refused without a crash.
BOOST_AUTO_TEST_CASE(depth) {
    constexpr std::size_t limit = supe::json_depth_limit;
    expect(true, {nested(limit, '[', ']'), nested(limit, '{', '}')});
    expect(false, {nested(limit + 1, '[', ']'), nested(limit + 1, '{', '}')});
    BOOST_TEST(!is_json(std::string(1000000, '[')));
    BOOST_TEST(!is_json(nested(1000000, '{', '}')));
    BOOST_TEST(
        is_json("[" + nested(limit - 1, '[', ']') + "," + nested(limit - 1, '{', '}') + "]"));
}

// Members in order, as unchanged text, also members with equal keys; blanks are left out.
BOOST_AUTO_TEST_CASE(steps_through_members) {
    bool well = false;
    BOOST_TEST((members_of("{}", well) == members{}));
    BOOST_TEST(well);
    const std::string_view text =
        " { \"a\" : [ 1 , 2 ] ,\"b\":\"x, y\\\"\",\"a\":{\"c\":null} , \"k\\u0041\\\"\":-1e5 } ";
    BOOST_TEST(
        (members_of(text, well) ==
         members{
             {"a", "[ 1 , 2 ]"}, {"b", "\"x, y\\\"\""}, {"a", "{\"c\":null}"}, {"kA\"", "-1e5"}}));
    BOOST_TEST(well);
}

// A malformed object is reported at the end.
BOOST_AUTO_TEST_CASE(faulty_objects) {
    for (const std::string text : {"",
                                   " ",
                                   "1",
                                   "[1]",
                                   "\"a\"",
                                   "{",
                                   "{\"a\"",
                                   "{\"a\":",
                                   "{\"a\":1",
                                   "{\"a\":1,",
                                   "{\"a\":1,}",
                                   "{,}",
                                   "{\"a\":1}}",
                                   "{\"a\":1} x",
                                   "{\"a\":1 \"b\":2}",
                                   "{\"a\" 1}",
                                   "{a:1}",
                                   "{\"a\":01}",
                                   "{\"a\":\"\xff\"}",
                                   "{\"\xff\":1}",
                                   "{\"a\":1;\"b\":2}",
                                   "{\"a\":1]"}) {
        bool well = true;
        members_of(text, well);
        BOOST_TEST(!well, text);
    }
}

// The value of a JSON string.
BOOST_AUTO_TEST_CASE(string_values) {
    using supe::json_string_value;
    BOOST_TEST(json_string_value(R"("")") == "");
    BOOST_TEST(json_string_value(R"("plain \u00e4 \u20ac")") == "plain \xc3\xa4 \xe2\x82\xac");
    BOOST_TEST(json_string_value(R"("\"\\\/\b\f\n\r\t")") == "\"\\/\b\f\n\r\t");
    BOOST_TEST(json_string_value(R"("a\u0000b")") == std::string("a\0b", 3));
    BOOST_TEST(json_string_value(R"("\uD83D\ude00")") == "\xf0\x9f\x98\x80");
    BOOST_TEST(json_string_value(R"("\ud83d")") == "\xef\xbf\xbd");
    BOOST_TEST(json_string_value(R"("\ude00\u0041")") ==
               "\xef\xbf\xbd"
               "A");
    BOOST_TEST(json_string_value(R"("\ud83d\u0041")") ==
               "\xef\xbf\xbd"
               "A");
    BOOST_TEST(json_string_value(R"("\ud83d\ud83d\ude00")") == "\xef\xbf\xbd\xf0\x9f\x98\x80");
    BOOST_TEST(json_string_value("\"\xc3\xa4\"") == "\xc3\xa4");
}

// Quoted text is read back unchanged. Bytes that are not UTF-8 become U+FFFD, so the result is
// always JSON.
BOOST_AUTO_TEST_CASE(quoting) {
    using supe::json_quoted;
    BOOST_TEST(json_quoted("") == R"("")");
    BOOST_TEST(json_quoted("a\"b\\c/d\n\t\r\b\f") == R"("a\"b\\c/d\n\t\r\b\f")");
    BOOST_TEST(json_quoted(std::string("\0\x01\x1f\x7f", 4)) == "\"\\u0000\\u0001\\u001f\x7f\"");
    BOOST_TEST(json_quoted("\xc3\xa4\xf0\x9f\x98\x80") == "\"\xc3\xa4\xf0\x9f\x98\x80\"");
    BOOST_TEST(json_quoted("a\xff\xc3") == "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
    std::string all;
    for (int c = 1; c < 0x80; ++c) all += static_cast<char>(c);
    BOOST_TEST(supe::json_string_value(json_quoted(all)) == all);
    for (int a = 0; a < 256; ++a) {
        for (int b = 0; b < 256; b += 3)
            BOOST_TEST_REQUIRE(
                is_json(json_quoted(std::string{static_cast<char>(a), static_cast<char>(b)})));
    }
}

// Values that Boost.JSON refuses, or could not print as JSON again, are read too.
BOOST_AUTO_TEST_CASE(values) {
    BOOST_TEST(reread(R"({"a":[1,-2,true,null,"\u00e4"]})") ==
               "{\"a\":[1,-2,true,null,\"\xc3\xa4\"]}");
    BOOST_TEST(reread(R"({"a":1,"a":2})") == R"({"a":2})");
    BOOST_TEST(reread(R"(["a\ud83d","e5\\ud83d","\ude00\"e5"])") ==
               "[\"a\xef\xbf\xbd\",\"e5\\\\ud83d\",\"\xef\xbf\xbd\\\"e5\"]");
    BOOST_TEST(reread("[1e400,{\"a\":-1e400}]") ==
               "[1.7976931348623157E308,{\"a\":-1.7976931348623157E308}]");
    BOOST_TEST(reread("[1e99999999999,1e-99999999999,0e99999999999,5e0000000000000001]") ==
               "[1.7976931348623157E308,0E0,0E0,5E1]");
    BOOST_TEST(reread("18446744073709551615") == "18446744073709551615");
    const std::string deep = nested(supe::json_depth_limit, '[', ']');
    BOOST_TEST(reread(deep) == deep);
}

// A key is what it means, however it is escaped, for every way to look a member up; its text is
// there too, for whoever passes it on.
BOOST_AUTO_TEST_CASE(escaped_keys) {
    const std::string text = R"({"\u0069ds":[1],"i\u0064":2,"\/":3,"\ud83d\ude00":4,"":5})";
    supe::json_members m(text);
    std::string keys, texts;
    while (m.next()) {
        keys += std::string(m.key()) + " ";
        texts += std::string(m.key_text()) + " ";
    }
    BOOST_TEST(keys == "ids id / \xf0\x9f\x98\x80  ");
    BOOST_TEST(texts == R"(\u0069ds i\u0064 \/ \ud83d\ude00  )");
    BOOST_TEST(supe::member_of(text, "ids") == "[1]");
    BOOST_TEST(supe::member_of(text, "id") == "2");
    BOOST_TEST(supe::member_of(R"({"id":1,"\u0069d":2})", "id") == "2");
    BOOST_TEST(supe::member_of(text, R"(\u0069ds)") == "");
}

BOOST_AUTO_TEST_SUITE_END()
