#include "supe/text/utf8.hpp"

#include "supe/text/json_text.hpp"

namespace supe {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

}  // namespace

std::string as_utf8(std::string_view bytes) { return json_string_value(json_quoted(bytes)); }

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

}  // namespace supe
