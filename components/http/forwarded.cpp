#include "components/http/forwarded.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace components {
namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t";
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    return text.substr(0, text.find_last_not_of(blanks) + 1);
}

/// All fields of that name as one list (RFC 9110 §5.3).
std::string joined(const http_fields& headers, std::string_view name) {
    std::string all;
    for (const auto& [field, value] : headers)
        if (same_field(field, name) && !value.empty()) all += (all.empty() ? "" : ", ") + value;
    return all;
}

/// The part that the nearest proxy wrote. Empty ones are none (RFC 9110 §5.6.1).
std::string_view last_of(std::string_view list) {
    list = list.substr(0, list.find_last_not_of(", \t") + 1);
    const auto comma = list.rfind(',');
    return trimmed(comma == list.npos ? list : list.substr(comma + 1));
}

/// The text up to `mark`, which may stand in quotes too (RFC 7239 §4), and what is behind it.
std::string_view take_up_to(char mark, std::string_view& left) {
    bool quoted = false;
    std::size_t end = 0;
    for (; end < left.size() && (quoted || left[end] != mark); ++end) {
        if (left[end] == '"') quoted = !quoted;
        if (quoted && left[end] == '\\') ++end;
    }
    const std::string_view taken = left.substr(0, end);
    left.remove_prefix(std::min(end + 1, left.size()));
    return taken;
}

/// The element of Forwarded that the nearest proxy wrote.
std::string_view last_element(std::string_view list) {
    // A quote that the first sender has left open must not hide what a proxy wrote behind it.
    if (std::ranges::count(list, '"') % 2 != 0) return last_of(list);
    std::string_view last;
    while (!list.empty())
        if (const auto one = trimmed(take_up_to(',', list)); !one.empty()) last = one;
    return last;
}

std::string unquoted(std::string_view value) {
    if (value.size() < 2 || value.front() != '"' || value.back() != '"') return std::string(value);
    std::string plain;
    for (std::size_t i = 1; i + 1 < value.size(); ++i) {
        if (value[i] == '\\' && i + 2 < value.size()) ++i;
        plain += value[i];
    }
    return plain;
}

/// A parameter of a Forwarded element: `proto=https`, `host="h:80"`.
std::string parameter_of(std::string_view element, std::string_view name) {
    while (!element.empty()) {
        const std::string_view pair = trimmed(take_up_to(';', element));
        const auto equals = pair.find('=');
        if (equals != pair.npos && same_field(trimmed(pair.substr(0, equals)), name))
            return unquoted(trimmed(pair.substr(equals + 1)));
    }
    return {};
}

std::string said(const http_fields& headers, std::string_view x_name, std::string_view parameter) {
    const std::string list = joined(headers, x_name);
    if (!list.empty()) return std::string(last_of(list));
    const std::string forwarded = joined(headers, "Forwarded");
    return parameter_of(last_element(forwarded), parameter);
}

bool is_host(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
        return std::isalnum(c) ||
               std::string_view("-._[]:").find(static_cast<char>(c)) != std::string_view::npos;
    });
}

/// RFC 7239 §6: an IPv6 address stands in brackets and quotes.
std::string node_of(const std::string& address) {
    return address.find(':') == address.npos ? address : fmt::format("\"[{}]\"", address);
}

}  // namespace

std::string_view without_port(std::string_view host) {
    if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
    return host.substr(0, host.find(':'));
}

called_site called_site_of(const http_fields& headers, bool trusted, bool secure) {
    called_site site;
    if (secure) site.scheme = "https";
    site.host = field(headers, "Host");
    if (!trusted) return site;
    const std::string scheme = said(headers, "X-Forwarded-Proto", "proto");
    for (const char* known : {"http", "https"})
        if (same_field(scheme, known)) site.scheme = known;
    const std::string host = said(headers, "X-Forwarded-Host", "host");
    if (is_host(host)) site.host = host;
    return site;
}

http_fields forwarded_fields(const webhook& w) {
    http_fields out;
    const std::string before = w.proxied ? joined(w.headers, "X-Forwarded-For") : "";
    const std::string chain = before + (before.empty() || w.remote.empty() ? "" : ", ") + w.remote;
    if (!chain.empty()) out.emplace_back("X-Forwarded-For", chain);
    const called_site site = called_site_of(w.headers, w.proxied, w.secure);
    if (!site.host.empty()) out.emplace_back("X-Forwarded-Host", site.host);
    out.emplace_back("X-Forwarded-Proto", site.scheme);
    const std::string forwarded = w.proxied ? joined(w.headers, "Forwarded") : "";
    if (!forwarded.empty())
        out.emplace_back("Forwarded", forwarded + (w.remote.empty() ? "" : ", for=") +
                                          (w.remote.empty() ? "" : node_of(w.remote)));
    return out;
}

}  // namespace components
