#include "components/verification/request_parts.hpp"

#include "components/verification/keys.hpp"
#include "components/verification/signed_time.hpp"
#include "components/webhook/digests.hpp"
#include "supe/text/json_pointer.hpp"
#include "supe/text/json_text.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace components {

/// A `{NAME}` of what is signed, with the text before it and all that follows.
struct signed_part {
    std::string_view before, name, behind;
};

namespace {

constexpr std::size_t most_signatures = 16;

/// `header:X-Y` as `header` and `X-Y`.
std::pair<std::string_view, std::string_view> taken_apart(std::string_view source) {
    const auto colon = source.find(':');
    if (colon == source.npos) return {source, {}};
    return {source.substr(0, colon), source.substr(colon + 1)};
}

std::string_view without_blanks(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == text.npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

/// What is behind `prefix`, in any case.
std::optional<std::string_view> behind(std::string_view text, std::string_view prefix) {
    const bool begins =
        text.size() >= prefix.size() && same_field(text.substr(0, prefix.size()), prefix);
    return begins ? std::optional(text.substr(prefix.size())) : std::nullopt;
}

/// Escapes and `+` of a form or a query.
std::string form_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = text[i] == '%' ? from_hex(text.substr(i + 1, 2)) : std::nullopt;
        const bool escaped = byte && byte->size() == 1;
        out += escaped ? byte->front() : text[i] == '+' ? ' ' : text[i];
        if (escaped) i += 2;
    }
    return out;
}

using form_fields = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t most_fields = 4096;  // of a form: to take millions apart holds the loop up

/// Those behind `most` are left out.
form_fields fields_of_form(std::string_view text, std::size_t most = most_fields) {
    form_fields all;
    while (!text.empty() && all.size() < most) {
        const auto end = std::min(text.find('&'), text.size());
        const std::string_view field = text.substr(0, end);
        const auto equals = std::min(field.find('='), field.size());
        if (!field.empty())
            all.emplace_back(form_decoded(field.substr(0, equals)),
                             form_decoded(field.substr(std::min(equals + 1, field.size()))));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return all;
}

std::string_view query_of(std::string_view target) {
    const auto mark = target.find('?');
    return mark == target.npos ? std::string_view() : target.substr(mark + 1);
}

/// `/path?query` of a URL.
std::string_view behind_host(std::string_view url) {
    const auto scheme = url.find("://");
    if (scheme == url.npos) return url;
    return url.substr(std::min(url.find_first_of("/?", scheme + 3), url.size()));
}

/// HubSpot signs the URL with these characters as themselves, behind scheme and host.
std::string with_plain_characters(std::string_view url) {
    constexpr std::array plain{
        std::pair("%3A", ':'),  std::pair("%2F", '/'), std::pair("%3F", '?'),
        std::pair("%40", '@'),  std::pair("%21", '!'), std::pair("%24", '$'),
        std::pair("%27", '\''), std::pair("%28", '('), std::pair("%29", ')'),
        std::pair("%2A", '*'),  std::pair("%2C", ','), std::pair("%3B", ';')};
    const std::string_view path = behind_host(url);
    std::string out(url.substr(0, url.size() - path.size()));
    url = path;
    while (!url.empty()) {
        const auto escape = std::ranges::find_if(
            plain, [url](const auto& p) { return same_field(url.substr(0, 3), p.first); });
        out += escape == plain.end() ? url.front() : escape->second;
        url.remove_prefix(escape == plain.end() ? 1 : 3);
    }
    return out;
}

bool is_form(const http_fields& headers) {
    const std::string_view type = field(headers, "Content-Type");
    return same_field(without_blanks(type.substr(0, type.find(';'))),
                      "application/x-www-form-urlencoded");
}

bool is_whole_number(std::string_view text) {
    std::int64_t n = 0;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), n);
    return bad == std::errc() && end == text.data() + text.size();
}

bool is_known_part(std::string_view name, bool has_timestamp) {
    if (name == "timestamp") return has_timestamp;
    constexpr std::array known{"body", "method", "url", "plain_url", "form"};
    return std::ranges::find(known, name) != known.end() || objection_to_source(name).empty();
}

/// The character that ends it; nothing where another part or nothing follows.
std::optional<char> end_of(const signed_part& part) {
    const bool is_text = !part.behind.empty() && !part.behind.starts_with('{');
    return is_text ? std::optional(part.behind.front()) : std::nullopt;
}

/// The next one in `signs`; nothing where there is none.
std::optional<signed_part> next_part(std::string_view signs) {
    const auto open = signs.find('{');
    if (open == signs.npos) return std::nullopt;
    const auto close = std::min(signs.find('}', open), signs.size());
    return signed_part{signs.substr(0, open), signs.substr(open + 1, close - open - 1),
                       signs.substr(std::min(close + 1, signs.size()))};
}

}  // namespace

std::string objection_to_source(std::string_view source) {
    const auto [where, what] = taken_apart(source);
    constexpr std::array known{"header", "item", "json", "query"};
    const bool is_known = std::ranges::find(known, where) != known.end();
    const bool is_pointer = where != "json" || supe::is_json_pointer(what);
    if (is_known && !what.empty() && is_pointer) return {};
    return "one of header:NAME, item:PREFIX, json:/POINTER, query:NAME";
}

std::string objection_to_signs(std::string_view signs, bool has_timestamp) {
    const std::string parts =
        "text with one or more of {body}, {method}, {url}, {plain_url}, {form}, {header:NAME}, "
        "{item:PREFIX}, {json:/POINTER}, {query:NAME}" +
        std::string(has_timestamp ? ", {timestamp}"
                                  : "; {timestamp} only where `timestamp` says where it stands");
    auto next = next_part(signs);
    const bool is_cut = next && signs.find('}', signs.rfind('{')) == signs.npos;
    if (!next || is_cut) return parts;
    for (; next; next = next_part(next->behind))
        if (!is_known_part(next->name, has_timestamp)) return parts;
    return {};
}

bool signs_time(std::string_view signs, std::string_view timestamp) {
    const std::string_view where = taken_apart(timestamp).first;
    for (auto next = next_part(signs); next; next = next_part(next->behind)) {
        const std::string_view name = next->name;
        const bool is_itself =
            name == timestamp || (where == "header" && same_field(name, timestamp));
        const bool is_in_it = (where == "json" && name == "body") ||
                              (where == "query" && (name == "url" || name == "plain_url"));
        if (name == "timestamp" || is_itself || is_in_it) return true;
    }
    return false;
}

std::string shown_source(std::string_view source) {
    if (source == "url" || source == "plain_url") return "the URL";
    const std::string_view what = source.substr(source.find(':') + 1);
    return source.starts_with("json:") ? fmt::format("{} of the body", what) : std::string(what);
}

request_parts::request_parts(const sent_request& request, const provider& how)
    : request_(request), how_(how) {}

std::optional<std::string> request_parts::header(std::string_view name) const {
    for (const auto& [known, text] : request_.message.headers)
        if (same_field(known, name)) return text;
    return std::nullopt;
}

std::optional<std::string> request_parts::query(std::string_view name) const {
    for (auto& [known, text] : fields_of_form(query_of(request_.message.target)))
        if (known == name) return text;
    return std::nullopt;
}

std::optional<std::string> request_parts::value(std::string_view source) const {
    const auto [where, what] = taken_apart(source);
    if (where == "header") return header(what);
    if (where == "query") return query(what);
    if (where == "item") {
        for (const std::string& part : parts_of_signature())
            if (const auto text = behind(part, what)) return std::string(*text);
        return std::nullopt;
    }
    const auto found = supe::value_at(request_.message.body, what);
    if (!found) return std::nullopt;
    if (found->starts_with('"')) return supe::json_string_value(*found);
    return is_whole_number(*found) ? std::optional(std::string(*found)) : std::nullopt;
}

/// Of the field of the signature: the row's separator, or the whole.
std::vector<std::string> request_parts::parts_of_signature() const {
    const auto whole = value(how_.signature);
    if (!whole) return {};
    std::vector<std::string> parts;
    std::string_view left = *whole;
    while (parts.size() < most_signatures) {
        const auto end = how_.separator.empty() ? left.npos : left.find(how_.separator.front());
        const std::string_view part = without_blanks(left.substr(0, end));
        if (!part.empty()) parts.emplace_back(part);
        if (end == left.npos) break;
        left.remove_prefix(end + 1);
    }
    return parts;
}

std::vector<std::string> request_parts::signatures() const {
    std::vector<std::string> found;
    for (const std::string& part : parts_of_signature())
        if (const auto text = behind(part, how_.prefix)) found.emplace_back(without_blanks(*text));
    return found;
}

std::optional<std::string> request_parts::form() const {
    // Whatever the body is: the signature of the URL alone would be good for each.
    if (const auto named = query("bodySHA256")) {
        const bool same = same_bytes(*named, to_hex(sha256(request_.message.body)));
        return same ? std::optional(std::string()) : std::nullopt;
    }
    if (!is_form(request_.message.headers)) return std::nullopt;
    if (std::ranges::count(request_.message.body, '&') >= std::ptrdiff_t(most_fields))
        return std::nullopt;
    form_fields fields = fields_of_form(request_.message.body);
    std::ranges::sort(fields);
    const auto repeated = std::ranges::unique(fields);
    fields.erase(repeated.begin(), repeated.end());
    std::string out;
    for (const auto& [name, text] : fields) {
        if (name.find_first_of("?=/") != name.npos) return std::nullopt;  // a piece of the URL
        out += name + text;
    }
    // Without text of the form, all of it may stand in the URL.
    return out.empty() ? std::nullopt : std::optional(std::move(out));
}

std::string_view request_parts::source_of(std::string_view name) const {
    return name == "timestamp" ? std::string_view(how_.timestamp) : name;
}

std::optional<std::string> request_parts::part(std::string_view name, std::string_view url) const {
    if (name == "body") return request_.message.body;
    if (name == "method") return request_.message.method;
    if (name == "url") return std::string(url);
    if (name == "plain_url") return with_plain_characters(url);
    if (name == "form") return form();
    return value(source_of(name));
}

std::optional<std::string> request_parts::signed_text(std::string_view url,
                                                      std::string& missing) const {
    std::string out;
    std::string_view left = how_.signs;
    for (auto next = next_part(left); next; next = next_part(left)) {
        const auto text = part(next->name, url);
        if (!text) {
            missing = next->name;
            return std::nullopt;
        }
        out += next->before;
        out += *text;
        left = next->behind;
    }
    out += left;
    return out;
}

bool request_parts::may_end_elsewhere(const signed_part& part) const {
    const auto end = end_of(part);
    if (part.name == "url" || part.name == "plain_url") {
        // It does not end within scheme and host: at least `/` follows them.
        const auto text = this->part(part.name, request_.url).value_or("");
        return end && behind_host(text).find(*end, 1) != text.npos;
    }
    const std::string_view source = source_of(part.name);
    if (!objection_to_source(source).empty()) return false;  // the body, the method, the form
    const std::string text = value(source).value_or("");
    if (end && text.find(*end) != text.npos) return true;
    if (part.name != "timestamp" || !part.behind.starts_with("{body}")) return false;
    // A time of another form has nothing to move, where there is no body.
    const bool is_other = request_.message.body.empty() && !text.empty() &&
                          !std::isdigit(static_cast<unsigned char>(text.front()));
    return !is_other && !ends_before(text, request_.message.body);
}

std::size_t request_parts::times(std::string_view source) const {
    const auto [where, what] = taken_apart(source);
    const auto is_it = [name = what](const auto& entry) { return entry.first == name; };
    const auto is_header = [name = what](const auto& entry) {
        return same_field(entry.first, name);
    };
    if (where == "header")
        return static_cast<std::size_t>(std::ranges::count_if(request_.message.headers, is_header));
    if (where != "query") return 1;
    const std::string_view query = query_of(request_.message.target);
    return static_cast<std::size_t>(
        std::ranges::count_if(fields_of_form(query, query.size()), is_it));
}

std::string request_parts::objection_to_seams() const {
    for (auto at = next_part(how_.signs); at; at = next_part(at->behind)) {
        const std::string_view source = source_of(at->name);
        if (times(source) > 1) return fmt::format("{} is there twice", shown_source(source));
        if (may_end_elsewhere(*at))
            return fmt::format("{} is not of its form", shown_source(source));
    }
    if (times(how_.timestamp) > 1)
        return fmt::format("{} is there twice", shown_source(how_.timestamp));
    return {};
}

std::vector<std::string> spellings_of(std::string_view url) {
    std::vector<std::string> all{std::string(url)};
    const auto scheme = url.find("://");
    if (scheme == url.npos) return all;
    const std::string port = same_field(url.substr(0, scheme), "https") ? ":443" : ":80";
    const auto host_end = std::min(url.find_first_of("/?", scheme + 3), url.size());
    const std::string_view host = url.substr(0, host_end);
    const bool has_port =
        host.find(':', host.find(']') == host.npos ? scheme + 3 : host.find(']')) != host.npos;
    if (host.ends_with(port)) {
        all.push_back(std::string(host.substr(0, host.size() - port.size())) +
                      std::string(url.substr(host_end)));
    } else if (!has_port) {
        all.push_back(std::string(host) + port + std::string(url.substr(host_end)));
    }
    return all;
}

}  // namespace components
