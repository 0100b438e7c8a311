#include "supe/text/utf8.hpp"

#include "supe/text/json_text.hpp"

namespace supe {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

}  // namespace

std::string as_utf8(std::string_view bytes) { return json_string_value(json_quoted(bytes)); }

std::size_t utf8_character_end(std::string_view t, std::size_t i) {
    constexpr std::size_t bad = std::string_view::npos;
    const auto byte = [&](std::size_t at) {
        return at < t.size() ? static_cast<unsigned char>(t[at]) : 0u;
    };
    const auto follows = [&](std::size_t at) { return (byte(at) & 0xc0) == 0x80; };
    const unsigned a = byte(i), b = byte(i + 1);
    if (a >= 0xc2 && a <= 0xdf) return follows(i + 1) ? i + 2 : bad;
    if (a >= 0xe0 && a <= 0xef) {
        if (!follows(i + 1) || !follows(i + 2) || (a == 0xe0 && b < 0xa0) ||
            (a == 0xed && b > 0x9f))
            return bad;
        return i + 3;
    }
    if (a >= 0xf0 && a <= 0xf4) {
        if (!follows(i + 1) || !follows(i + 2) || !follows(i + 3) || (a == 0xf0 && b < 0x90) ||
            (a == 0xf4 && b > 0x8f))
            return bad;
        return i + 4;
    }
    return bad;
}

std::size_t utf8_cut(std::string_view text, char next) {
    if (!continues(next)) return text.size();
    for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
        const char c = text[text.size() - back];
        if (continues(c)) continue;
        return static_cast<unsigned char>(c) >= 0xc2 && static_cast<unsigned char>(c) <= 0xf4
                   ? text.size() - back
                   : text.size();
    }
    return text.size();
}

std::string shown_line(std::string_view text, std::size_t most) {
    std::string line;
    const std::string mended = as_utf8(text);
    for (std::size_t at = 0; at < mended.size();) {
        const auto c = static_cast<unsigned char>(mended[at]);
        const std::size_t end = c < 0x80 ? at + 1 : utf8_character_end(mended, at);
        const bool is_c1 = c == 0xc2 && static_cast<unsigned char>(mended[at + 1]) < 0xa0;
        const bool is_control = c < 0x20 || c == 0x7f || is_c1;
        if (!is_control && line.size() + (end - at) > most) break;
        if (!is_control) line += mended.substr(at, end - at);
        at = end;
    }
    return line;
}

}  // namespace supe
