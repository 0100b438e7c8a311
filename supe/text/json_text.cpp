#include "supe/text/json_text.hpp"

#include "supe/text/utf8.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace supe {
namespace {

constexpr std::size_t bad = std::string_view::npos;

/// Bytes inside a string that need no look: all but quote, backslash, control characters and what
/// is not ASCII.
constexpr std::array<bool, 256> plain_bytes = [] {
    std::array<bool, 256> table{};
    for (int c = 0x20; c < 0x80; ++c) table[static_cast<std::size_t>(c)] = c != '"' && c != '\\';
    return table;
}();

bool is_plain(char c) { return plain_bytes[static_cast<unsigned char>(c)]; }
/// The first byte from `i` on that needs a look, or the end. Most of all mail is read here: 16
/// bytes at a time, or 8.
std::size_t skip_plain(std::string_view t, std::size_t i) {
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'),
                  blank = _mm_set1_epi8(' ');
    for (; i + 16 <= t.size(); i += 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(t.data() + i));
        // As signed bytes, what is not ASCII is below a blank too.
        const __m128i found = _mm_or_si128(
            _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
            _mm_cmplt_epi8(bytes, blank));
        if (const int mask = _mm_movemask_epi8(found))
            return i + static_cast<std::size_t>(std::countr_zero(static_cast<unsigned>(mask)));
    }
#else
    constexpr std::uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    const auto has_zero = [](std::uint64_t x) { return (x - ones) & ~x & high; };
    for (; i + 8 <= t.size(); i += 8) {
        std::uint64_t bytes;
        std::memcpy(&bytes, t.data() + i, sizeof bytes);
        const std::uint64_t below_blank = (bytes - ones * ' ') & ~bytes & high;
        if ((bytes & high) | below_blank | has_zero(bytes ^ (ones * '"')) |
            has_zero(bytes ^ (ones * '\\')))
            break;
    }
#endif
    while (i < t.size() && is_plain(t[i])) ++i;
    return i;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

std::size_t skip_blanks(std::string_view t, std::size_t i) {
    while (i < t.size() && (t[i] == ' ' || t[i] == '\n' || t[i] == '\t' || t[i] == '\r')) ++i;
    return i;
}

/// The end of the string whose opening quote is at `i`.
std::size_t skip_string(std::string_view t, std::size_t i) {
    for (++i; (i = skip_plain(t, i)) < t.size();) {
        if (t[i] == '"') {
            return i + 1;
        } else if (t[i] == '\\') {
            if (i + 1 >= t.size()) return bad;
            const char escaped = t[i + 1];
            if (escaped == 'u') {
                if (i + 6 > t.size()) return bad;
                for (std::size_t k = i + 2; k < i + 6; ++k) {
                    if (!is_hex(t[k])) return bad;
                }
                i += 6;
            } else if (std::string_view("\"\\/bfnrt").find(escaped) != bad) {
                i += 2;
            } else {
                return bad;
            }
        } else {
            i = utf8_character_end(t, i);
            if (i == bad) return bad;
        }
    }
    return bad;
}

std::size_t skip_digits(std::string_view t, std::size_t i) {
    if (i >= t.size() || !is_digit(t[i])) return bad;
    while (i < t.size() && is_digit(t[i])) ++i;
    return i;
}

std::size_t skip_number(std::string_view t, std::size_t i) {
    if (t[i] == '-') ++i;
    if (i < t.size() && t[i] == '0') {
        ++i;
    } else if ((i = skip_digits(t, i)) == bad) {
        return bad;
    }
    if (i < t.size() && t[i] == '.' && (i = skip_digits(t, i + 1)) == bad) return bad;
    if (i < t.size() && (t[i] == 'e' || t[i] == 'E')) {
        ++i;
        if (i < t.size() && (t[i] == '+' || t[i] == '-')) ++i;
        i = skip_digits(t, i);
    }
    return i;
}

std::size_t skip_word(std::string_view t, std::size_t i, std::string_view word) {
    return t.substr(i, word.size()) == word ? i + word.size() : bad;
}

std::size_t skip_scalar(std::string_view t, std::size_t i) {
    switch (t[i]) {
        case '"': return skip_string(t, i);
        case 't': return skip_word(t, i, "true");
        case 'f': return skip_word(t, i, "false");
        case 'n': return skip_word(t, i, "null");
        default: return t[i] == '-' || is_digit(t[i]) ? skip_number(t, i) : bad;
    }
}

/// `:` and the blanks around it.
std::size_t skip_colon(std::string_view t, std::size_t i) {
    i = skip_blanks(t, i);
    if (i >= t.size() || t[i] != ':') return bad;
    return skip_blanks(t, i + 1);
}

/// The end of a key's text; `i` may be the end of the whole text.
std::size_t skip_key_text(std::string_view t, std::size_t i) {
    return i < t.size() && t[i] == '"' ? skip_string(t, i) : bad;
}

/// `"key" :` and the blanks behind it.
std::size_t skip_key(std::string_view t, std::size_t i) {
    i = skip_key_text(t, i);
    return i == bad ? bad : skip_colon(t, i);
}

/// The end of the value at `i`. Containers are kept as bits, not by recursion: depth costs no
/// stack.
std::size_t skip_value(std::string_view t, std::size_t i) {
    std::bitset<json_depth_limit> is_object;
    std::size_t depth = 0;
    for (;;) {
        if (i >= t.size()) return bad;
        if (t[i] == '{' || t[i] == '[') {
            const bool object = t[i] == '{';
            if (depth == json_depth_limit) return bad;
            i = skip_blanks(t, i + 1);
            if (i < t.size() && t[i] == (object ? '}' : ']')) {
                ++i;
            } else {
                is_object[depth++] = object;
                if (object && (i = skip_key(t, i)) == bad) return bad;
                continue;
            }
        } else if ((i = skip_scalar(t, i)) == bad) {
            return bad;
        }
        for (;;) {  // a value has ended: close what ends with it
            if (depth == 0) return i;
            i = skip_blanks(t, i);
            if (i >= t.size()) return bad;
            const bool object = is_object[depth - 1];
            if (t[i] == ',') {
                i = skip_blanks(t, i + 1);
                if (object && (i = skip_key(t, i)) == bad) return bad;
                break;
            }
            if (t[i] != (object ? '}' : ']')) return bad;
            ++i;
            --depth;
        }
    }
}

void append_utf8(std::string& out, unsigned c) {
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += static_cast<char>(0xc0 | (c >> 6));
        out += static_cast<char>(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        out += static_cast<char>(0xe0 | (c >> 12));
        out += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (c & 0x3f));
    } else {
        out += static_cast<char>(0xf0 | (c >> 18));
        out += static_cast<char>(0x80 | ((c >> 12) & 0x3f));
        out += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (c & 0x3f));
    }
}

unsigned hex_at(std::string_view t, std::size_t i) {
    unsigned value = 0;
    for (const char c : t.substr(i, 4))
        value = value << 4 | static_cast<unsigned>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    return value;
}

/// `\uXXXX` at `i`, a pair of surrogates together; steps over it.
unsigned unescape_unicode(std::string_view t, std::size_t& i) {
    const unsigned first = hex_at(t, i + 2);
    i += 6;
    if (first < 0xd800 || first > 0xdfff) return first;
    if (first < 0xdc00 && t.substr(i, 2) == "\\u") {
        const unsigned second = hex_at(t, i + 2);
        if (second >= 0xdc00 && second <= 0xdfff) {
            i += 6;
            return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        }
    }
    return 0xfffd;
}

}  // namespace

bool is_json(std::string_view text) {
    const std::size_t end = skip_value(text, skip_blanks(text, 0));
    return end != bad && skip_blanks(text, end) == text.size();
}

char first_of_json(std::string_view text) {
    const std::size_t begin = skip_blanks(text, 0);
    return begin < text.size() ? text[begin] : '\0';
}

json_members::json_members(std::string_view object) : text_(object), at_(skip_blanks(object, 0)) {
    if (at_ < text_.size() && text_[at_] == '{') {
        at_ = skip_blanks(text_, at_ + 1);
    } else {
        at_ = bad;
    }
}

bool json_members::next() {
    if (at_ == bad || at_ >= text_.size()) return false;
    if (text_[at_] == '}') {
        well_formed_ = skip_blanks(text_, at_ + 1) == text_.size();
        return false;
    }
    if (!first_) {
        if (text_[at_] != ',') return false;
        at_ = skip_blanks(text_, at_ + 1);
    }
    const std::size_t key_at = at_;
    const std::size_t key_end = skip_key_text(text_, key_at);
    const std::size_t value_at = key_end == bad ? bad : skip_colon(text_, key_end);
    const std::size_t end = value_at == bad ? bad : skip_value(text_, value_at);
    if (end == bad) return at_ = bad, false;
    const std::string_view key = text_.substr(key_at, key_end - key_at);
    key_text_ = key.substr(1, key.size() - 2);
    unescaped_ = key.find('\\') == bad ? std::string() : json_string_value(key);
    value_ = text_.substr(value_at, end - value_at);
    at_ = skip_blanks(text_, end);
    const bool goes_on = at_ < text_.size() && (text_[at_] == ',' || text_[at_] == '}');
    if (!goes_on) at_ = bad;
    first_ = false;
    return true;
}

std::optional<std::vector<std::string_view>> elements_of(std::string_view text, std::size_t most) {
    std::vector<std::string_view> all;
    std::size_t at = skip_blanks(text, 0);
    if (at >= text.size() || text[at] != '[') return std::nullopt;
    at = skip_blanks(text, at + 1);
    const bool empty = at < text.size() && text[at] == ']';
    for (bool more = !empty; more; at = skip_blanks(text, at + (more ? 1 : 0))) {
        const std::size_t end = skip_value(text, at);
        if (end == bad || all.size() == most) return std::nullopt;
        all.push_back(text.substr(at, end - at));
        at = skip_blanks(text, end);
        more = at < text.size() && text[at] == ',';
    }
    const bool closed = at < text.size() && text[at] == ']';
    if (!closed || skip_blanks(text, at + 1) != text.size()) return std::nullopt;
    return all;
}

std::string json_string_value(std::string_view text) {
    std::string out;
    const std::string_view inside = text.substr(1, text.size() - 2);
    if (inside.find('\\') == bad) return std::string(inside);
    out.reserve(inside.size());
    for (std::size_t i = 0; i < inside.size();) {
        const std::size_t escape = std::min(inside.find('\\', i), inside.size());
        out += inside.substr(i, escape - i);
        i = escape;
        if (i == inside.size()) break;
        const char escaped = inside[i + 1];
        if (escaped == 'u') {
            append_utf8(out, unescape_unicode(inside, i));
            continue;
        }
        constexpr std::string_view codes = "bfnrt", characters = "\b\f\n\r\t";
        const std::size_t code = codes.find(escaped);
        out += code == bad ? escaped : characters[code];
        i += 2;
    }
    return out;
}

std::string json_string_or_empty(std::string_view text) {
    return text.starts_with('"') ? json_string_value(text) : std::string();
}

namespace {

constexpr char hex_digits[] = "0123456789abcdef";

/// `append_bad(out, byte)` writes what stands for a byte that is not UTF-8; false where that ends
/// it.
template <class F>
bool append_quoted(std::string& out, std::string_view value, std::size_t longest, F append_bad) {
    out += '"';
    for (std::size_t i = 0; i < value.size();) {
        const std::size_t start = i;
        i = skip_plain(value, i);
        out += value.substr(start, i - start);
        if (i == value.size()) break;
        const auto c = static_cast<unsigned char>(value[i]);
        constexpr std::string_view characters = "\"\\\b\f\n\r\t", codes = "\"\\bfnrt";
        if (const std::size_t code = characters.find(value[i]); code != bad) {
            out += '\\';
            out += codes[code];
            ++i;
        } else if (c < 0x20) {
            out += "\\u00";
            out += hex_digits[c >> 4];
            out += hex_digits[c & 15];
            ++i;
        } else if (const std::size_t end = utf8_character_end(value, i); end != bad) {
            out += value.substr(i, end - i);
            i = end;
        } else if (append_bad(out, c)) {
            ++i;
        } else {
            return false;
        }
        if (out.size() > longest) return false;
    }
    out += '"';
    return out.size() <= longest;
}

}  // namespace

void append_json_quoted(std::string& out, std::string_view value) {
    append_quoted(out, value, SIZE_MAX,
                  [](std::string& text, unsigned char) { return text += "\xef\xbf\xbd", true; });
}

bool append_json_text(std::string& out, std::string_view value, std::size_t most) {
    const std::size_t begin = out.size();
    const std::size_t longest = most < SIZE_MAX - begin ? begin + most : SIZE_MAX;
    const bool whole =
        append_quoted(out, value, longest, [](std::string&, unsigned char) { return false; });
    if (!whole) out.resize(begin);
    return whole;
}

void append_json_output(std::string& out, std::string_view line) {
    append_quoted(out, line, SIZE_MAX, [](std::string& text, unsigned char c) {
        text += "\\\\x";
        text += hex_digits[c >> 4];
        text += hex_digits[c & 15];
        return true;
    });
}

std::string json_quoted(std::string_view value) {
    std::string out;
    out.reserve(value.size() + 2);
    append_json_quoted(out, value);
    return out;
}

std::string_view member_of(std::string_view object, std::string_view key) {
    std::string_view found;
    for (json_members members(object); members.next();) {
        if (members.key() == key) found = members.value();
    }
    return found;
}

}  // namespace supe
