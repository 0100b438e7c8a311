// Tree files: any text is accepted, or refused in one line; an accepted tree is unchanged after it
// is written and read again.
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"
#include "supe/text/located_json.hpp"
#include "supe/tree/tree_file.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <boost/json/serialize.hpp>

using boost::json::serialize;
using fuzz::require;

namespace {

void check_refusal(std::string_view why) {
    require(why.starts_with("f:"), "a refusal begins with its position", why);
    require(why.find('\n') == why.npos, "a refusal is one line", why);
    require(supe::json_string_value(supe::json_quoted(why)) == why, "a refusal is UTF-8", why);
}

void check_tree(std::string_view text) {
    try {
        const auto once = supe::to_json(supe::parse_tree(text, "f", "/d"));
        const auto twice = supe::to_json(supe::parse_tree(serialize(once), "again", "/"));
        require(serialize(once) == serialize(twice), "a tree is the same when read again",
                serialize(once));
    } catch (const supe::config_error& e) {
        check_refusal(e.what());
    }
}

/// Our reader accepts all JSON except equal keys and too deep nesting, and reads the same values.
void check_json(std::string_view text) {
    const auto value = supe::parse_json(text);
    try {
        const auto located = supe::read_located_json(text).plain();
        if (value)
            require(serialize(located) == serialize(*value), "both readers see the same value",
                    text);
    } catch (const supe::located_json_error& e) {
        const std::string_view why = e.what();
        const bool stricter =
            why.find(" is given twice") != why.npos || why.starts_with("nested more than");
        require(!value || stricter, "the tree file's reader takes all JSON", why);
    }
}

void check_units(std::string_view text) {
    if (const auto d = supe::parse_duration(text))
        require(supe::parse_duration(supe::print_duration(*d)) == d,
                "a duration is the same when read again", text);
    if (const auto n = supe::parse_bytes(text))
        require(supe::parse_bytes(supe::print_bytes(*n)) == n, "a size is the same when read again",
                text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    check_tree(text);
    check_json(text);
    check_units(text);
    return 0;
}
