#include "components/direct_line/direct_frame.hpp"

#include "supe/text/one_line.hpp"

#include <fmt/format.h>
#include <charconv>
#include <iterator>

namespace components {

void append_frame(std::string& out, const direct_frame& frame) {
    fmt::format_to(std::back_inserter(out), "{} ", frame.number);
    const std::size_t text = out.size();
    out += frame.text;
    supe::make_one_line(out, text);
    out += '\n';
}

std::optional<direct_frame> read_frame(std::string_view line) {
    direct_frame frame;
    const auto [end, error] = std::from_chars(line.begin(), line.end(), frame.number);
    if (error != std::errc() || end == line.end() || *end != ' ') return std::nullopt;
    frame.text = std::string_view(end + 1, line.end());
    return frame;
}

}  // namespace components
