#include "components/webhook/webhook.hpp"

#include "supe/text/base64.hpp"
#include "supe/text/json_text.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <functional>
#include <set>
#include <stdexcept>

namespace components {
namespace {

constexpr std::size_t most_headers = 1u << 16;  // more than fit into a head of 64 KiB

// Those of proxies: RFC 9110 §11.7, and Proxy-Connection by RFC 9110 §7.6.1. Others that begin with
// `Proxy-` are fields as any.
constexpr std::string_view hop_by_hop[] = {"connection",
                                           "keep-alive",
                                           "te",
                                           "trailer",
                                           "transfer-encoding",
                                           "upgrade",
                                           "expect",
                                           "proxy-connection",
                                           "proxy-authenticate",
                                           "proxy-authorization",
                                           "proxy-authentication-info"};

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
    if (supe::append_json_text(out, bytes)) return;
    out += R"({"base64":")";
    supe::append_base64(out, bytes);
    out += "\"}";
}

std::string text(std::string_view value, const char* name) {
    if (!value.starts_with('"'))
        throw std::runtime_error(fmt::format("webhook.{} is not a string", name));
    return supe::json_string_value(value);
}

std::string bytes(std::string_view value, const char* name) {
    if (!value.starts_with('{')) return text(value, name);
    return decoded(text(supe::member_of(value, "base64"), name), name);
}

/// As a string where it is text and takes no more room so, as nearly all bodies; else in base64.
void append_body(std::string& out, std::string_view body) {
    const std::size_t begin = out.size();
    out += R"(,"text":)";
    if (supe::append_json_text(out, body, 4 * ((body.size() + 2) / 3) + 2)) return;
    out.resize(begin);
    out += R"(,"body":")";
    supe::append_base64(out, body);
    out += '"';
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
    append_body(out, w.body);
    out += '}';
    return out;
}

namespace {

http_fields headers_in(std::string_view value) {
    const auto entries = supe::elements_of(value, most_headers);
    if (!entries) throw std::runtime_error("webhook.headers is not an array");
    http_fields headers;
    for (const std::string_view entry : *entries) {
        const auto pair = supe::elements_of(entry, 2);
        if (!pair || pair->size() != 2) throw std::runtime_error("webhook.headers: not a pair");
        headers.emplace_back(one_line(bytes(pair->front(), "headers"), "headers"),
                             one_line(bytes(pair->back(), "headers"), "headers"));
    }
    return headers;
}

std::int64_t number_in(std::string_view value) {
    std::int64_t number = 0;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), number);
    if (read.ec != std::errc() || read.ptr != value.data() + value.size())
        throw std::runtime_error("webhook.received_at is not a number");
    return number;
}

/// The members as they stand in the text; empty where one is missing.
struct webhook_members {
    std::string_view id, route, order_key, dedupe_key, verified, received_at, method, target,
        headers, remote, proxied, secure, body, text;

    std::string_view* find(std::string_view key) {
        using member = std::pair<std::string_view, std::string_view webhook_members::*>;
        using w = webhook_members;
        static constexpr member all[] = {{"id", &w::id},
                                         {"received_at", &w::received_at},
                                         {"method", &w::method},
                                         {"target", &w::target},
                                         {"headers", &w::headers},
                                         {"remote", &w::remote},
                                         {"text", &w::text},
                                         {"body", &w::body},
                                         {"route", &w::route},
                                         {"order_key", &w::order_key},
                                         {"dedupe_key", &w::dedupe_key},
                                         {"verified", &w::verified},
                                         {"proxied", &w::proxied},
                                         {"secure", &w::secure}};
        const auto* found = std::ranges::find(all, key, &member::first);
        return found == std::end(all) ? nullptr : &(this->*(found->second));
    }
};

}  // namespace

webhook webhook_from_json(std::string_view json) {
    webhook_members m;
    supe::json_members members(json);
    while (members.next())
        if (auto* member = m.find(members.key())) *member = members.value();
    if (!members.well_formed()) throw std::runtime_error("a webhook is an object");
    const auto needed = [](std::string_view value, const char* name) {
        if (value.empty()) throw std::runtime_error(fmt::format("webhook.{} is missing", name));
        return value;
    };
    const auto line = [&](std::string_view value, const char* name) {
        return one_line(bytes(needed(value, name), name), name);
    };
    const auto optional = [](std::string_view value, const char* name, std::string_view usual) {
        return value.empty() ? std::string(usual) : one_line(text(value, name), name);
    };
    webhook w;
    w.id = one_line(text(needed(m.id, "id"), "id"), "id");
    w.route = optional(m.route, "route", default_route);
    w.order_key = optional(m.order_key, "order_key", {});
    w.dedupe_key = optional(m.dedupe_key, "dedupe_key", {});
    w.verified = optional(m.verified, "verified", {});
    w.received_at = number_in(needed(m.received_at, "received_at"));
    w.method = line(m.method, "method");
    w.target = line(m.target, "target");
    w.headers = headers_in(needed(m.headers, "headers"));
    w.remote = line(m.remote, "remote");
    w.proxied = m.proxied == "true";
    w.secure = m.secure == "true";
    w.body = m.text.empty() ? decoded(text(needed(m.body, "body"), "body"), "body")
                            : text(m.text, "text");
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
