#include "supe/text/terminal_text.hpp"

#include "supe/text/utf8.hpp"

#include <fmt/format.h>
#include <cstdint>

namespace supe {
namespace {

enum class meaning { harmless, control, not_utf8 };

struct character {
    std::size_t end;
    meaning is;
};

/// Of a character that UTF-8 writes with two to four bytes.
std::uint32_t code_point_of(std::string_view bytes) {
    std::uint32_t point = static_cast<unsigned char>(bytes.front()) & (0x7fu >> bytes.size());
    for (const char c : bytes.substr(1))
        point = point << 6 | (static_cast<unsigned char>(c) & 0x3f);
    return point;
}

/// The controls of UAX #9: what follows is shown in another order than it stands there.
bool turns_text(std::uint32_t point) {
    return point == 0x061c || point == 0x200e || point == 0x200f ||
           (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

character character_at(std::string_view text, std::size_t at) {
    const auto first = static_cast<unsigned char>(text[at]);
    if (first < 0x80) {
        const bool control = (first < 0x20 && first != '\t') || first == 0x7f;
        return {at + 1, control ? meaning::control : meaning::harmless};
    }
    const std::size_t end = utf8_character_end(text, at);
    if (end == std::string_view::npos) return {at + 1, meaning::not_utf8};
    const std::uint32_t point = code_point_of(text.substr(at, end - at));
    const bool control = point < 0xa0 || turns_text(point);
    return {end, control ? meaning::control : meaning::harmless};
}

}  // namespace

std::string terminal_line(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    std::string out;
    out.reserve(line.size());
    for (std::size_t at = 0; at < line.size();) {
        const auto [end, is] = character_at(line, at);
        for (const char c : line.substr(at, end - at))
            is == meaning::harmless ? out += c
                                    : out += fmt::format("\\x{:02x}", static_cast<std::uint8_t>(c));
        at = end;
    }
    return out;
}

std::string terminal_lines(std::string_view text) {
    std::string out;
    for (;;) {
        const std::size_t end = text.find('\n');
        out += terminal_line(text.substr(0, end));
        if (end == text.npos) return out;
        out += '\n';
        text.remove_prefix(end + 1);
    }
}

std::string terminal_json(std::string_view json) {
    std::string out;
    out.reserve(json.size());
    for (std::size_t at = 0; at < json.size();) {
        const auto [end, is] = character_at(json, at);
        const std::string_view bytes = json.substr(at, end - at);
        const std::uint32_t point =
            bytes.size() == 1 ? static_cast<unsigned char>(json[at]) : code_point_of(bytes);
        // Between the values there may be line ends.
        const bool escaped = is == meaning::control && point >= 0x7f;
        escaped ? out += fmt::format("\\u{:04x}", point) : out += bytes;
        at = end;
    }
    return out;
}

}  // namespace supe
