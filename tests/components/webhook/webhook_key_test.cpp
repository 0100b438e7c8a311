// Shows which key a webhook has, and which paths are a route's.
#include "components/webhook/webhook_key.hpp"
#include "components/webhook/route_path.hpp"

#include "components/verification/provider_table.hpp"

#include <boost/test/unit_test.hpp>

using components::key_at;
using components::rest_behind;

namespace {

std::string rest(const char* path, const char* target) {
    return rest_behind(path, target).value_or("nothing");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(webhook_key)

BOOST_AUTO_TEST_CASE(of_a_header) {
    const components::http_fields headers{{"X-Shop", "a"}, {"x-shop", "b"}, {"X-Empty", ""}};
    BOOST_TEST(key_at("header:x-SHOP", headers, "") == "a");
    BOOST_TEST(key_at("header:X-Empty", headers, "").empty());
    BOOST_TEST(key_at("header:X-None", headers, "").empty());
}

// A string, a number or a boolean; a body without one has no key.
BOOST_AUTO_TEST_CASE(of_a_body) {
    const std::string body =
        R"([{"id": "e\u00e4/1", "n": 1.50, "b": true, "o": {}, "l": [], "z": null, "e": ""}])";
    BOOST_TEST(key_at("json:/0/id", {}, body) == "eä/1");
    BOOST_TEST(key_at("json:/0/n", {}, body) == "1.50");
    BOOST_TEST(key_at("json:/0/b", {}, body) == "true");
    for (const char* none :
         {"json:/0/o", "json:/0/l", "json:/0/z", "json:/0/e", "json:/0/x", "json:/1"})
        BOOST_TEST(key_at(none, {}, body).empty(), none);
    BOOST_TEST(key_at("json:/id", {}, "no json").empty());
    BOOST_TEST(key_at("json:/id", {}, "").empty());
}

// Two long keys that begin alike stay two.
BOOST_AUTO_TEST_CASE(long_keys) {
    const std::string a(200, 'a');
    const std::string key = key_at("header:K", {{"K", a + "1"}}, "");
    BOOST_TEST(key.size() == 71u);
    BOOST_TEST(key.starts_with("sha256:"));
    BOOST_TEST(key != key_at("header:K", {{"K", a + "2"}}, ""));
    BOOST_TEST(key == key_at("header:K", {{"K", a + "1"}}, ""));
    BOOST_TEST(key_at("header:K", {{"K", "\xff"}}, "") != key_at("header:K", {{"K", "\xfe"}}, ""));
    BOOST_TEST(key_at("json:/k", {}, R"({"k": "a\nb"})").starts_with("sha256:"));
}

// A lone surrogate means no character; strings that differ in one stay two.
BOOST_AUTO_TEST_CASE(lone_surrogates) {
    const auto key = [](const char* body) { return key_at("json:/k", {}, body); };
    BOOST_TEST(key(R"({"k": "\ud800"})") != key(R"({"k": "\ud801"})"));
    BOOST_TEST(key(R"({"k": "\ud800"})") == key(R"({"k":"\ud800"})"));
}

BOOST_AUTO_TEST_CASE(sources) {
    for (const char* good : {"header:X-A", "json:/id", "json:/0/a~1b", "json:/"})
        BOOST_TEST(components::is_key_source(good), good);
    for (const char* bad : {"", "header:", "header:X A", "header:X:", "json:", "json:id", "json:/~",
                            "query:x", "X-A"})
        BOOST_TEST(!components::is_key_source(bad), bad);
}

// A provider whose id is known is one that can be verified.
BOOST_AUTO_TEST_CASE(ids_of_providers) {
    std::string left = components::kinds_with_id() + ", ";
    for (auto comma = left.find(", "); comma != left.npos; comma = left.find(", ")) {
        const std::string kind = left.substr(0, comma);
        left.erase(0, comma + 2);
        BOOST_TEST(components::find_provider(kind), kind);
        const auto* id = components::find_id_source(kind);
        BOOST_REQUIRE(id);
        BOOST_TEST(components::is_key_source(id->source), kind);
        BOOST_TEST((!id->of_element || !components::is_of_whole_request(id->source)), kind);
    }
    BOOST_TEST(!components::find_id_source("meta"));
}

// A path is a prefix of whole segments; the rest begins with a slash.
BOOST_AUTO_TEST_CASE(rest_of_a_path) {
    BOOST_TEST(rest("/", "/a/b?c") == "/a/b?c");
    BOOST_TEST(rest("/a", "/a") == "/");
    BOOST_TEST(rest("/a", "/a/") == "/");
    BOOST_TEST(rest("/a", "/a?x=/a") == "/?x=/a");
    BOOST_TEST(rest("/a", "/a/b/?x") == "/b/?x");
    BOOST_TEST(rest("/a/b", "/a/b//c") == "//c");
    for (const char* target : {"/", "/ab", "/b", "/A", "/%61", "//a", "/a%2fb"})
        BOOST_TEST(rest("/a", target) == "nothing", target);
}

BOOST_AUTO_TEST_SUITE_END()
