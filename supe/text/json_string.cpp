#include "supe/text/json_string.hpp"

#include "supe/text/json_characters.hpp"
#include "supe/text/utf8.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace supe {
namespace {

/// Appends to a string, with few calls of it: a character is a byte or two, and a frame may have
/// millions. flush() ends it.
class byte_writer {
public:
    explicit byte_writer(std::string& out) : out_(out) {}

    void put(char c) {
        if (n_ == bytes_.size()) flush();
        bytes_[n_++] = c;
    }
    void put(std::string_view text) {
        if (text.size() > bytes_.size() - n_) flush();
        if (text.size() > bytes_.size()) {
            out_ += text;
        } else {
            std::copy(text.begin(), text.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(n_));
            n_ += text.size();
        }
    }
    void flush() { out_.append(bytes_.data(), std::exchange(n_, 0)); }
    /// Of the string, with what is not flushed.
    std::size_t size() const { return out_.size() + n_; }

private:
    std::string& out_;
    std::array<char, 256> bytes_;
    std::size_t n_ = 0;
};

void put_utf8(byte_writer& out, unsigned c) {
    if (c < 0x80) {
        out.put(static_cast<char>(c));
    } else if (c < 0x800) {
        out.put(static_cast<char>(0xc0 | (c >> 6)));
        out.put(static_cast<char>(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        out.put(static_cast<char>(0xe0 | (c >> 12)));
        out.put(static_cast<char>(0x80 | ((c >> 6) & 0x3f)));
        out.put(static_cast<char>(0x80 | (c & 0x3f)));
    } else {
        out.put(static_cast<char>(0xf0 | (c >> 18)));
        out.put(static_cast<char>(0x80 | ((c >> 12) & 0x3f)));
        out.put(static_cast<char>(0x80 | ((c >> 6) & 0x3f)));
        out.put(static_cast<char>(0x80 | (c & 0x3f)));
    }
}

unsigned hex_at(std::string_view t, std::size_t i) {
    unsigned value = 0;
    for (const char c : t.substr(i, 4))
        value = value << 4 | static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
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

/// The other character of a pair; NUL where `from` does not have it.
constexpr std::array<char, 256> paired(std::string_view from, std::string_view to) {
    std::array<char, 256> table{};
    for (std::size_t i = 0; i < from.size(); ++i)
        table[static_cast<unsigned char>(from[i])] = to[i];
    return table;
}

/// What an escape means, by the character behind its backslash.
constexpr std::array<char, 256> meaning_of_code = paired(escape_codes, escape_meanings);

/// The reverse. A slash needs no escape.
constexpr std::array<char, 256> code_of_meaning = [] {
    auto table = paired(escape_meanings, escape_codes);
    table['/'] = 0;
    return table;
}();

constexpr char hex_digits[] = "0123456789abcdef";

void put_hex(byte_writer& out, unsigned char c) {
    out.put(hex_digits[c >> 4]);
    out.put(hex_digits[c & 15]);
}

/// `put_bad(out, byte)` writes what stands for a byte that is not UTF-8; false where that ends it.
template <class F>
bool append_quoted(std::string& to, std::string_view value, std::size_t longest, F put_bad) {
    byte_writer out(to);
    bool whole = true;
    out.put('"');
    for (std::size_t i = 0; whole && i < value.size();) {
        const std::size_t start = i;
        i = skip_plain(value, i);
        if (i > start) out.put(value.substr(start, i - start));
        if (i == value.size()) break;
        const auto c = static_cast<unsigned char>(value[i]);
        std::size_t end = i + 1;
        if (const char code = code_of_meaning[c]) {
            out.put('\\');
            out.put(code);
        } else if (c < 0x20) {
            out.put("\\u00");
            put_hex(out, c);
        } else if ((end = utf8_character_end(value, i)) != std::string_view::npos) {
            out.put(value.substr(i, end - i));
        } else {
            whole = put_bad(out, c);
            end = i + 1;
        }
        i = end;
        whole = whole && out.size() <= longest;
    }
    out.put('"');
    out.flush();
    return whole && to.size() <= longest;
}

}  // namespace

std::string json_string_value(std::string_view text) {
    const std::string_view inside = text.substr(1, text.size() - 2);
    if (inside.find('\\') == std::string_view::npos) return std::string(inside);
    std::string value;
    value.reserve(inside.size());
    byte_writer out(value);
    for (std::size_t i = 0; i < inside.size();) {
        if (inside[i] != '\\') {
            const std::size_t end = std::max(skip_plain(inside, i), i + 1);
            out.put(inside.substr(i, end - i));
            i = end;
        } else if (const char code = inside[i + 1]; code == 'u') {
            put_utf8(out, unescape_unicode(inside, i));
        } else {
            out.put(meaning_of_code[static_cast<unsigned char>(code)]);
            i += 2;
        }
    }
    out.flush();
    return value;
}

std::string json_string_or_empty(std::string_view text) {
    return text.starts_with('"') ? json_string_value(text) : std::string();
}

void append_json_quoted(std::string& out, std::string_view value) {
    append_quoted(out, value, SIZE_MAX,
                  [](byte_writer& text, unsigned char) { return text.put("\xef\xbf\xbd"), true; });
}

bool append_json_text(std::string& out, std::string_view value, std::size_t most) {
    const std::size_t begin = out.size();
    const std::size_t longest = most < SIZE_MAX - begin ? begin + most : SIZE_MAX;
    const bool whole =
        append_quoted(out, value, longest, [](byte_writer&, unsigned char) { return false; });
    if (!whole) out.resize(begin);
    return whole;
}

void append_json_output(std::string& out, std::string_view line) {
    append_quoted(out, line, SIZE_MAX, [](byte_writer& text, unsigned char c) {
        text.put("\\\\x");
        put_hex(text, c);
        return true;
    });
}

std::string json_quoted(std::string_view value) {
    std::string out;
    out.reserve(value.size() + 2);
    append_json_quoted(out, value);
    return out;
}

}  // namespace supe
