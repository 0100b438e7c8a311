#include "components/webhook/webhook.hpp"

#include "supe/text/base64.hpp"
#include "supe/text/json_text.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <numeric>
#include <set>
#include <stdexcept>

namespace components {
namespace {

namespace json = boost::json;

constexpr std::string_view hop_by_hop[] = {"connection",        "keep-alive", "te",    "trailer",
                                           "transfer-encoding", "upgrade",    "expect"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](char c) { return lower(c); });
    return out;
}

/// Adds the tokens of a comma-separated list, in small letters.
void add_tokens(std::set<std::string>& all, std::string_view list) {
    for (std::size_t at = 0; at <= list.size();) {
        const std::size_t comma = std::min(list.find(',', at), list.size());
        std::string_view token = list.substr(at, comma - at);
        while (!token.empty() && (token.front() == ' ' || token.front() == '\t'))
            token.remove_prefix(1);
        while (!token.empty() && (token.back() == ' ' || token.back() == '\t'))
            token.remove_suffix(1);
        all.insert(lower(token));
        at = comma + 1;
    }
}

std::string decoded(std::string_view text, const char* what) {
    auto bytes = supe::from_base64(text);
    if (!bytes) throw std::runtime_error(fmt::format("webhook.{} is not base64", what));
    return std::move(*bytes);
}

/// JSON strings are UTF-8; what is not stands there as base64.
void append_bytes(std::string& out, std::string_view bytes) {
    const bool ascii =
        (std::accumulate(bytes.begin(), bytes.end(), 0, std::bit_or<>()) & ~0x7f) == 0;
    if (ascii) {
        supe::append_json_quoted(out, bytes);
    } else if (std::string quoted = supe::json_quoted(bytes);
               supe::json_string_value(quoted) == bytes) {
        out += quoted;
    } else {
        out += R"({"base64":")";
        supe::append_base64(out, bytes);
        out += "\"}";
    }
}

const json::value& member(const json::object& o, const char* name) {
    const json::value* value = o.if_contains(name);
    if (!value) throw std::runtime_error(fmt::format("webhook.{} is missing", name));
    return *value;
}

std::string text(const json::value& value, const char* name) {
    if (!value.is_string())
        throw std::runtime_error(fmt::format("webhook.{} is not a string", name));
    return std::string(value.get_string());
}

std::string bytes(const json::value& value, const char* name) {
    if (!value.is_object()) return text(value, name);
    return decoded(text(member(value.get_object(), "base64"), name), name);
}

/// What goes into the head of a request must not end its line.
std::string one_line(std::string value, const char* name) {
    const auto breaks = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
    if (std::ranges::any_of(value, breaks))
        throw std::runtime_error(fmt::format("webhook.{} has a line break in it", name));
    return value;
}

}  // namespace

bool same_field(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view field(const http_fields& fields, std::string_view name) {
    for (const auto& [n, value] : fields)
        if (same_field(n, name)) return value;
    return {};
}

http_fields end_to_end(http_fields fields) {
    std::set<std::string>
        named;  // by `Connection`; most requests have no such field, and cost nothing here
    for (const auto& [name, value] : fields)
        if (same_field(name, "connection")) add_tokens(named, value);
    std::erase_if(fields, [&named](const auto& entry) {
        const std::string& name = entry.first;
        return std::ranges::any_of(
                   hop_by_hop, [&name](std::string_view hop) { return same_field(name, hop); }) ||
               same_field(std::string_view(name).substr(0, 6), "proxy-") ||
               (!named.empty() && named.contains(lower(name)));
    });
    return fields;
}

std::string to_json(const webhook& w) {
    std::string out;
    out.reserve(256 + w.body.size() * 4 / 3 + 64 * w.headers.size());
    out += R"({"id":)";
    append_bytes(out, w.id);
    const auto add = [&out](std::string_view name, std::string_view value) {
        if (value.empty()) return;
        out += fmt::format(R"(,"{}":)", name);
        supe::append_json_quoted(out, value);
    };
    if (w.route != default_route) add("route", w.route);
    add("order_key", w.order_key);
    add("dedupe_key", w.dedupe_key);
    add("verified", w.verified);
    out += fmt::format(R"(,"received_at":{},"method":)", w.received_at);
    append_bytes(out, w.method);
    out += R"(,"target":)";
    append_bytes(out, w.target);
    out += R"(,"headers":[)";
    for (bool first = true; const auto& [name, value] : w.headers) {
        out += std::exchange(first, false) ? "[" : ",[";
        append_bytes(out, name);
        out += ',';
        append_bytes(out, value);
        out += ']';
    }
    out += R"(],"remote":)";
    append_bytes(out, w.remote);
    if (w.proxied) out += R"(,"proxied":true)";
    if (w.secure) out += R"(,"secure":true)";
    out += R"(,"body":")";
    supe::append_base64(out, w.body);
    out += "\"}";
    return out;
}

webhook webhook_from_json(const json::value& value) {
    if (!value.is_object()) throw std::runtime_error("a webhook is an object");
    const json::object& o = value.get_object();
    webhook w;
    w.id = one_line(text(member(o, "id"), "id"), "id");
    const auto optional = [&o](const char* name, std::string usual = {}) {
        const json::value* found = o.if_contains(name);
        return found ? one_line(text(*found, name), name) : usual;
    };
    w.route = optional("route", std::string(default_route));
    w.order_key = optional("order_key");
    w.dedupe_key = optional("dedupe_key");
    w.verified = optional("verified");
    const json::value& at = member(o, "received_at");
    if (!at.is_int64()) throw std::runtime_error("webhook.received_at is not a number");
    w.received_at = at.get_int64();
    w.method = one_line(bytes(member(o, "method"), "method"), "method");
    w.target = one_line(bytes(member(o, "target"), "target"), "target");
    const json::value& headers = member(o, "headers");
    if (!headers.is_array()) throw std::runtime_error("webhook.headers is not an array");
    for (const json::value& entry : headers.get_array()) {
        if (!entry.is_array() || entry.get_array().size() != 2)
            throw std::runtime_error("webhook.headers: not a pair");
        w.headers.emplace_back(one_line(bytes(entry.get_array()[0], "headers"), "headers"),
                               one_line(bytes(entry.get_array()[1], "headers"), "headers"));
    }
    w.remote = one_line(bytes(member(o, "remote"), "remote"), "remote");
    const auto is_true = [&o](const char* name) {
        const json::value* found = o.if_contains(name);
        return found && *found == json::value(true);
    };
    w.proxied = is_true("proxied");
    w.secure = is_true("secure");
    w.body = decoded(text(member(o, "body"), "body"), "body");
    return w;
}

std::string new_webhook_id(std::chrono::system_clock::time_point now,
                           const std::function<std::uint64_t()>& random) {
    constexpr char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    auto ms = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count());
    std::string id(26, '0');
    for (std::size_t i = 10; i-- > 0; ms /= 32) id[i] = digits[ms % 32];
    for (std::size_t half : {std::size_t(10), std::size_t(18)}) {
        std::uint64_t bits = random();
        for (std::size_t i = half; i < half + 8; ++i, bits /= 32) id[i] = digits[bits % 32];
    }
    return id;
}

}  // namespace components
