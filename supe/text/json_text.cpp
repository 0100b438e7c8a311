#include "supe/text/json_text.hpp"

#include "supe/text/json_characters.hpp"
#include "supe/text/utf8.hpp"

#include <array>
#include <bitset>
#include <cstdint>

namespace supe {
namespace {

constexpr std::size_t bad = std::string_view::npos;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr std::array<bool, 256> hex_bytes = [] {
    std::array<bool, 256> table{};
    for (const char c : std::string_view("0123456789abcdefABCDEF"))
        table[static_cast<unsigned char>(c)] = true;
    return table;
}();

bool is_hex(char c) { return hex_bytes[static_cast<unsigned char>(c)]; }

/// Bytes of an escape, by what follows its backslash; 0: it is none.
constexpr std::array<std::uint8_t, 256> escape_sizes = [] {
    std::array<std::uint8_t, 256> table{};
    for (const char c : escape_codes) table[static_cast<unsigned char>(c)] = 2;
    table['u'] = 6;
    return table;
}();

std::size_t skip_blanks(std::string_view t, std::size_t i) {
    while (i < t.size() && t[i] <= ' ' &&
           (t[i] == ' ' || t[i] == '\n' || t[i] == '\t' || t[i] == '\r'))
        ++i;
    return i;
}

/// The end of the escape whose backslash is at `i`.
std::size_t skip_escape(std::string_view t, std::size_t i) {
    if (i + 1 >= t.size()) return bad;
    const std::size_t size = escape_sizes[static_cast<unsigned char>(t[i + 1])];
    if (size == 2) return i + 2;
    const bool is_whole = size == 6 && i + 6 <= t.size() && is_hex(t[i + 2]) && is_hex(t[i + 3]) &&
                          is_hex(t[i + 4]) && is_hex(t[i + 5]);
    return is_whole ? i + 6 : bad;
}

/// The end of the string whose opening quote is at `i`.
std::size_t skip_string(std::string_view t, std::size_t i) {
    for (++i; (i = skip_plain(t, i)) < t.size();) {
        if (t[i] == '"') return i + 1;
        i = t[i] == '\\' ? skip_escape(t, i) : utf8_character_end(t, i);
        if (i == bad) return bad;
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
    if (is_digit(t[i]) || t[i] == '-') return skip_number(t, i);
    switch (t[i]) {
        case '"': return skip_string(t, i);
        case 't': return skip_word(t, i, "true");
        case 'f': return skip_word(t, i, "false");
        case 'n': return skip_word(t, i, "null");
        default: return bad;
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

std::string_view member_of(std::string_view object, std::string_view key) {
    std::string_view found;
    for (json_members members(object); members.next();) {
        if (members.key() == key) found = members.value();
    }
    return found;
}

}  // namespace supe
