#include "components/http/request_rules.hpp"

#include "components/http/authority.hpp"

#include <algorithm>
#include <charconv>

namespace components {
namespace {

constexpr int most_decodings = 8;  // `%252525…`: no server does more of them

http_answer bad(const char* why) { return {400, why, {}}; }

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char small = static_cast<char>(c | 0x20);
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

/// The number that `digits` hexadecimal digits at `at` give; nothing where there are fewer.
std::optional<unsigned> hex_number(std::string_view text, std::size_t at, std::size_t digits) {
    if (at + digits > text.size()) return std::nullopt;
    unsigned number = 0;
    for (const char c : text.substr(at, digits)) {
        if (hex_digit(c) < 0) return std::nullopt;
        number = number * 16 + static_cast<unsigned>(hex_digit(c));
    }
    return number;
}

/// A character that `%uXXXX` of IIS names: also the fullwidth forms of ASCII (U+FF01 to U+FF5E),
/// which it maps to ASCII. Others lead nowhere.
char iis_character(unsigned code) {
    if (code >= 0xff01 && code <= 0xff5e) code -= 0xfee0;
    return code < 0x80 ? static_cast<char>(code) : '_';
}

std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escape = text[i] == '%' && i + 1 < text.size();
        const bool iis = escape && (text[i + 1] | 0x20) == 'u';
        const auto code = iis      ? hex_number(text, i + 2, 4)
                          : escape ? hex_number(text, i + 1, 2)
                                   : std::nullopt;
        if (!code) {
            out += text[i];
        } else {
            out += iis ? iis_character(*code) : static_cast<char>(*code);
            i += iis ? 5 : 2;
        }
    }
    return out;
}

/// ASCII in two bytes, which is not UTF-8 and was read as such all the same (`%c0%ae` for a dot).
std::string overlong_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto first = static_cast<unsigned char>(text[i]);
        const bool overlong = (first == 0xc0 || first == 0xc1) && i + 1 < text.size() &&
                              (static_cast<unsigned char>(text[i + 1]) & 0xc0) == 0x80;
        out += overlong ? static_cast<char>((first & 1) << 6 | (text[i + 1] & 0x3f)) : text[i];
        if (overlong) ++i;
    }
    return out;
}

/// As the most willing server reads it.
std::string fully_decoded(std::string_view segment) {
    const bool is_plain = segment.find_first_of("%\xc0\xc1") == segment.npos;  // nearly always
    if (is_plain) return std::string(segment);
    std::string text = overlong_decoded(segment);
    for (int i = 0; i < most_decodings; ++i) {
        std::string next = overlong_decoded(percent_decoded(text));
        if (next == text) break;
        text = std::move(next);
    }
    return text;
}

enum class segment_kind { none, up, down };

/// Of a piece between separators: without the parameters of Java servers (`..;x`), and without the
/// blanks and control characters at its end that some file systems drop.
segment_kind kind_of(std::string_view piece) {
    piece = piece.substr(0, piece.find_first_of(";?#"));
    while (!piece.empty() && static_cast<unsigned char>(piece.back()) <= ' ')
        piece.remove_suffix(1);
    if (piece == "..") return segment_kind::up;
    return piece.empty() || piece == "." ? segment_kind::none : segment_kind::down;
}

/// How far a segment leads up or down. What escapes and backslashes hide in it may lead up; it
/// leads down one step at most, and not where any of it leads up.
int steps_of(std::string_view segment) {
    int up = 0;
    bool down = false;
    const std::string decoded = fully_decoded(segment);
    for (std::string_view left = decoded;;) {
        const auto end = left.find_first_of("/\\");
        const segment_kind kind = kind_of(left.substr(0, end));
        up += kind == segment_kind::up ? 1 : 0;
        down = down || kind == segment_kind::down;
        if (end == left.npos) break;
        left.remove_prefix(end + 1);
    }
    return up > 0 ? -up : down ? 1 : 0;
}

bool is_authority(std::string_view text) {
    const auto parsed = read_authority(text);
    if (!parsed || parsed->host.empty()) return false;
    const std::string_view port = parsed->port;
    if (port.empty()) return true;
    unsigned number = 0;
    const auto read = std::from_chars(port.data(), port.data() + port.size(), number);
    return read.ec == std::errc() && number <= 65535;
}

std::size_t count_of(const http_fields& fields, std::string_view name) {
    return static_cast<std::size_t>(std::ranges::count_if(
        fields, [name](const auto& entry) { return same_field(entry.first, name); }));
}

/// RFC 9112 §3.2: HTTP/1.0 may come without Host.
std::optional<http_answer> host_objection(const request_head& head) {
    const std::size_t hosts = count_of(head.fields, "Host");
    if (hosts > 1) return bad("more than one Host\n");
    if (hosts == 0 && head.version >= 11) return bad("Host is missing\n");
    if (hosts == 1 && !is_authority(field(head.fields, "Host")))
        return bad("Host is neither a name nor an address\n");
    return std::nullopt;
}

/// Where the body ends (RFC 9112 §6): the parser has refused most of what is ambiguous.
std::optional<http_answer> framing_objection(const request_head& head) {
    if (head.folded) return bad("a field goes on in another line\n");
    const std::string_view length = field(head.fields, "Content-Length");
    if (count_of(head.fields, "Content-Length") > 1 || length.find(',') != length.npos)
        return bad("more than one Content-Length\n");
    const std::size_t encodings = count_of(head.fields, "Transfer-Encoding");
    if (encodings > 0 && head.version < 11) return bad("HTTP/1.0 has no transfer encodings\n");
    if (encodings > 1) return bad("more than one Transfer-Encoding\n");
    if (encodings == 1 && !same_field(field(head.fields, "Transfer-Encoding"), "chunked"))
        return http_answer{501, "of the transfer encodings only chunked is understood\n", {}};
    return std::nullopt;
}

/// Where in a head `1.2` of a first line stands that ends with ` HTTP/1.2`; nothing where it ends
/// otherwise.
std::optional<std::size_t> find_version(std::string_view head) {
    constexpr std::string_view before = " HTTP/", digits = "1.1";
    const std::string_view line = head.substr(0, head.find_first_of("\r\n"));
    if (line.size() < before.size() + digits.size()) return std::nullopt;
    const std::size_t at = line.size() - digits.size();
    const auto is_digit = [&](std::size_t i) { return line[i] >= '0' && line[i] <= '9'; };
    const bool has_form = line.substr(0, at).ends_with(before) && is_digit(at) &&
                          line[at + 1] == '.' && is_digit(at + 2);
    return has_form ? std::optional(at) : std::nullopt;
}

}  // namespace

std::optional<request_target> read_target(std::string_view target) {
    if (target.starts_with('/')) return request_target{"", std::string(target)};
    const auto scheme = target.find("://");
    if (scheme == target.npos) return std::nullopt;
    const std::string_view name = target.substr(0, scheme);
    if (!same_field(name, "http") && !same_field(name, "https")) return std::nullopt;
    target.remove_prefix(scheme + 3);
    const auto end = std::min(target.find_first_of("/?"), target.size());
    request_target read{std::string(target.substr(0, end)), std::string(target.substr(end))};
    if (!is_authority(read.authority)) return std::nullopt;
    if (!read.path.starts_with('/')) read.path.insert(0, 1, '/');
    return read;
}

bool mend_connection(std::span<char> head) {
    constexpr std::string_view more_token_characters = "!#$%&'*+-.^_`|~,";
    const auto is_odd = [&](char c) {
        const bool letter = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        return (c == '\t' || (c >= ' ' && c <= '~')) && !letter &&
               more_token_characters.find(c) == more_token_characters.npos;
    };
    bool changed = false, begun = false;
    const std::string_view text(head.data(), head.size());
    for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != text.npos; begin = end + 1) {
        const std::string_view line = text.substr(begin, end - begin);
        const bool is_empty = line.empty() || line == "\r";
        if (is_empty && begun) break;  // what follows is no head
        begun = begun || !is_empty;
        const auto colon = std::min(line.find(':'), line.size());
        const std::string_view name = line.substr(0, colon);
        if (!same_field(name, "Connection") && !same_field(name, "Proxy-Connection")) continue;
        for (char& c : head.subspan(begin + colon, line.size() - colon).subspan(1)) {
            changed = changed || is_odd(c);
            if (is_odd(c)) c = ',';
        }
    }
    return changed;
}

bool mend_version(std::span<char> head) {
    const auto at = find_version({head.data(), head.size()});
    if (!at || head[*at] != '1' || head[*at + 2] < '2') return false;
    head[*at + 2] = '1';
    return true;
}

bool is_other_http(std::string_view head) {
    const auto at = find_version(head);
    return at && head[*at] != '1';
}

bool leaves_its_root(std::string_view target) {
    int depth = 0;
    for (std::string_view left = target.substr(0, target.find('?'));;) {
        const auto end = left.find('/');
        depth += steps_of(left.substr(0, end));
        if (depth < 0) return true;
        if (end == left.npos) return false;
        left.remove_prefix(end + 1);
    }
}

std::optional<http_answer> objection(const request_head& head) {
    if (auto no = framing_objection(head)) return no;
    const auto target = read_target(head.target);
    if (!target) return bad("the target is neither a path nor a URL\n");
    if (leaves_its_root(target->path)) return bad("the target leads out of its path\n");
    return host_objection(head);
}

}  // namespace components
