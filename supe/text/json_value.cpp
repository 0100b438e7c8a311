#include "supe/text/json_value.hpp"

#include "supe/text/json_text.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <cmath>
#include <limits>
#include <string>

namespace supe {
namespace {

namespace json = boost::json;

bool is_decimal(char c) { return c >= '0' && c <= '9'; }

/// Infinity would be printed as a word that is no JSON; 0 with a large exponent is read as NaN.
void make_finite(json::value& v) {
    if (auto* n = v.if_double()) {
        if (std::isnan(*n)) *n = 0;
        if (std::isinf(*n)) *n = std::copysign(std::numeric_limits<double>::max(), *n);
    } else if (auto* a = v.if_array()) {
        for (json::value& element : *a) make_finite(element);
    } else if (auto* o = v.if_object()) {
        for (auto& member : *o) make_finite(member.value());
    }
}

/// The same text without what Boost.JSON refuses: lone surrogates, and exponents that no int holds.
/// Precondition: is_json(text).
std::string repaired(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 16);
    for (std::size_t i = 0; i < text.size();) {
        if (text[i] == '"') {
            const std::size_t start = i;
            for (++i; text[i] != '"'; ++i) {
                if (text[i] == '\\') ++i;
            }
            append_json_quoted(out, json_string_value(text.substr(start, ++i - start)));
        } else if ((text[i] == 'e' || text[i] == 'E') && i > 0 && is_decimal(text[i - 1])) {
            out += text[i++];
            if (!is_decimal(text[i])) out += text[i++];
            while (i + 1 < text.size() && text[i] == '0' && is_decimal(text[i + 1])) ++i;
            const std::size_t end = std::min(text.find_first_not_of("0123456789", i), text.size());
            out += end - i > 9 ? std::string_view("999999999") : text.substr(i, end - i);
            i = end;
        } else {
            out += text[i++];
        }
    }
    return out;
}

}  // namespace

std::optional<json::value> parse_json(std::string_view text) {
    json::parse_options options;
    options.max_depth = json_depth_limit;
    boost::system::error_code bad;
    json::value v = json::parse(text, bad, {}, options);
    if (bad) {
        if (!is_json(text)) return std::nullopt;
        bad.clear();
        v = json::parse(repaired(text), bad, {}, options);
        if (bad) return std::nullopt;
    }
    make_finite(v);
    return v;
}

std::string string_of(const boost::json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

bool flag_of(const boost::json::object& object, std::string_view key, bool otherwise) {
    const auto* value = object.if_contains(key);
    return value && value->is_bool() ? value->get_bool() : otherwise;
}

boost::json::object parse_object(std::string_view text) {
    auto value = parse_json(text);
    return value && value->is_object() ? std::move(value->get_object()) : boost::json::object();
}

}  // namespace supe
