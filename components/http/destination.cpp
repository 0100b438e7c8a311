#include "components/http/destination.hpp"

#include "components/http/authority.hpp"
#include "components/http/forwarded.hpp"
#include "components/http/via.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/url/parse.hpp>
#include <charconv>
#include <ctime>
#include <stdexcept>

namespace components {
namespace {

constexpr std::size_t longest_url = 8000;  // as RFC 9110 §4.1 asks of all who read one

bool is_alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// CGI (RFC 3875 §4.1.18) and what descends from it know of a name its letters and digits alone:
/// whatever else is in it becomes an underscore. `X_Forwarded_For` is X-Forwarded-For there.
/// `ours` has letters, digits and hyphens alone.
bool cgi_reads(std::string_view name, std::string_view ours) {
    return std::ranges::equal(name, ours, [](char c, char own) {
        return is_alphanumeric(c) ? (c | 0x20) == (own | 0x20) : own == '-';
    });
}

/// Fields that we write ourselves; what a sender put there is dropped, in any spelling that the
/// destination could take for ours (contract §7). Of Via and Idempotency-Key other spellings alone:
/// to the first we add, and the second is the sender's where there is one.
bool is_ours(std::string_view name) {
    constexpr std::string_view names[] = {
        "Host",         "Content-Length",   "Transfer-Encoding", "Supe-Webhook-Id",
        "Supe-Attempt", "Supe-Received-At", "Supe-Verified",     "Forwarded"};
    const auto is_it = [&](std::string_view ours) { return cgi_reads(name, ours); };
    constexpr std::string_view forwarded = "X-Forwarded-", key = "Idempotency-Key";
    return std::ranges::any_of(names, is_it) ||
           cgi_reads(name.substr(0, forwarded.size()), forwarded) ||
           (is_it(key) && !same_field(name, key));
}

/// The field `name` stands in `fields` too, in any spelling.
bool is_one_of(const http_fields& fields, std::string_view name) {
    return std::ranges::any_of(fields,
                               [&](const auto& entry) { return cgi_reads(name, entry.first); });
}

/// Where the authority of a URL begins and ends; both at its end where it has none.
std::pair<std::size_t, std::size_t> authority_in(std::string_view url) {
    const auto colon = std::min(url.find(':'), url.size());
    if (!url.substr(colon).starts_with("://")) return {url.size(), url.size()};
    return {colon + 3, std::min(url.find_first_of("/?#", colon + 3), url.size())};
}

}  // namespace

http_destination parse_destination(std::string_view url) {
    if (url.size() > longest_url)
        throw std::invalid_argument(
            fmt::format("\"{}…\": has more than {} characters", url.substr(0, 57), longest_url));
    const auto refuse = [&](const std::string& why) {
        throw std::invalid_argument(fmt::format("\"{}\": {}", url, why));
    };
    const auto [begin, end] = authority_in(url);
    const std::string_view authority = url.substr(begin, end - begin);
    const bool has_user = authority.find('@') != authority.npos;
    const auto named = read_authority(authority);
    // The authority has a rule of its own (authority.hpp). A plain name stands for it here.
    const std::string rest = fmt::format("{}h{}", url.substr(0, begin), url.substr(end));
    const auto parsed = boost::urls::parse_uri(rest);
    if (!parsed || (!named && !has_user))
        refuse("not a URL like http://localhost:3000 or https://app.example.com/hooks");
    const boost::urls::url_view u = *parsed;
    http_destination d;
    d.tls = u.scheme_id() == boost::urls::scheme::https;
    if (!d.tls && u.scheme_id() != boost::urls::scheme::http)
        refuse(fmt::format("\"{}\" is not one of http, https", std::string(u.scheme())));
    if (has_user) refuse("a user name or password does not belong into the URL");
    if (u.has_query() || u.has_fragment())
        refuse(
            "a query or fragment does not belong here: each webhook brings its own path and query");
    d.host = boost::urls::pct_string_view(named->host.data(), named->host.size()).decode();
    if (d.host.empty()) refuse("it names no host");
    const bool bracketed = d.host.front() == '[';
    if (bracketed) d.host = d.host.substr(1, d.host.size() - 2);
    const std::string own_port = d.tls ? "443" : "80";
    d.port = named->port.empty() ? own_port : std::string(named->port);
    unsigned number = 0;
    const auto read = std::from_chars(d.port.data(), d.port.data() + d.port.size(), number);
    if (read.ec != std::errc() || number < 1 || number > 65535)
        refuse("the port must be from 1 to 65535");
    d.authority = bracketed ? "[" + d.host + "]" : d.host;
    if (d.port != own_port) d.authority += ":" + d.port;
    d.path = u.encoded_path().empty() ? "/" : std::string(u.encoded_path());
    d.base_path = std::string(u.encoded_path());
    while (d.base_path.ends_with('/')) d.base_path.pop_back();
    return d;
}

http_destination read_destination(const supe::field_reader& in, const supe::located_value& url) {
    try {
        return parse_destination(in.string(url));
    } catch (const std::invalid_argument& e) {
        in.fail(url.position, e.what());
    }
}

std::string delivery_target(const http_destination& to, std::string_view target, path_rule paths) {
    const auto query = std::min(target.find('?'), target.size());
    const std::string_view path = target.substr(0, query);
    const bool to_itself = paths == path_rule::dropped || path == "/" || path.empty();
    return to_itself ? fmt::format("{}{}", to.path, target.substr(query))
                     : fmt::format("{}{}", to.base_path, target);
}

std::string delivery_head(const http_destination& to, const webhook& w, unsigned attempt,
                          path_rule paths, const http_fields& signature) {
    std::string head = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", w.method,
                                   delivery_target(to, w.target, paths), to.authority);
    head.reserve(1024);
    const auto add = [&head](std::string_view name, std::string_view value) {
        for (const std::string_view part :
             {name, std::string_view(": "), value, std::string_view("\r\n")})
            head += part;
    };
    const bool own_key = !field(w.headers, "Idempotency-Key").empty();
    for (const auto& [name, value] : w.headers)
        if (!is_ours(name) && (own_key || !same_field(name, "Idempotency-Key")) &&
            !is_one_of(signature, name))
            add(name, value);
    add("Content-Length", std::to_string(w.body.size()));
    add("Supe-Webhook-Id", w.id);
    add("Supe-Attempt", std::to_string(attempt));
    add("Supe-Received-At", supe::print_utc(std::chrono::system_clock::time_point(
                                std::chrono::milliseconds(w.received_at))));
    if (!w.verified.empty()) add("Supe-Verified", w.verified);
    for (const auto& [name, value] : signature) add(name, value);
    if (!own_key) add("Idempotency-Key", w.id);
    for (const auto& [name, value] : forwarded_fields(w)) add(name, value);
    add("Via", "1.1 " + own_via());  // behind the sender's (RFC 9110 §7.6.3)
    head += "\r\n";
    return head;
}

std::optional<std::chrono::milliseconds> parse_retry_after(
    std::string_view value, std::chrono::system_clock::time_point now) {
    constexpr std::chrono::seconds longest = std::chrono::hours(24 * 366);
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (!value.empty() && std::ranges::all_of(value, is_digit)) {
        std::int64_t seconds = 0;
        const auto read = std::from_chars(value.data(), value.data() + value.size(), seconds);
        return read.ec == std::errc() ? std::min(std::chrono::seconds(seconds), longest) : longest;
    }
    const std::string text(value);
    // The form of today, and two that recipients must understand all the same (RFC 9110 §5.6.7).
    for (const char* form :
         {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
        std::tm date{};
        const char* end = ::strptime(text.c_str(), form, &date);
        if (!end || *end) continue;
        // In seconds as long as it may be far away: system_clock ends in the year 2262.
        const std::chrono::seconds at(::timegm(&date));
        const auto from = now.time_since_epoch();
        const auto left = at - std::chrono::floor<std::chrono::seconds>(from);
        if (left <= left.zero() || left > longest) return std::clamp(left, left.zero(), longest);
        return std::chrono::ceil<std::chrono::milliseconds>(at - from);
    }
    return std::nullopt;
}

}  // namespace components
