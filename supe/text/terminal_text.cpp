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

character character_at(std::string_view text, std::size_t at) {
    const auto first = static_cast<unsigned char>(text[at]);
    if (first < 0x80) {
        const bool control = (first < 0x20 && first != '\t') || first == 0x7f;
        return {at + 1, control ? meaning::control : meaning::harmless};
    }
    const std::size_t end = utf8_character_end(text, at);
    if (end == std::string_view::npos) return {at + 1, meaning::not_utf8};
    const bool control = first == 0xc2 && static_cast<unsigned char>(text[at + 1]) < 0xa0;
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
        const auto last = static_cast<std::uint8_t>(json[end - 1]);
        // Between the values there may be line ends.
        const bool escaped = is == meaning::control && last >= 0x7f;
        escaped ? out += fmt::format("\\u{:04x}", last) : out += json.substr(at, end - at);
        at = end;
    }
    return out;
}

}  // namespace supe
