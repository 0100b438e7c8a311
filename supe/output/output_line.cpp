#include "supe/output/output_line.hpp"

#include "supe/text/json_text.hpp"
#include "supe/text/units.hpp"

#include <fmt/format.h>
#include <cstdint>

namespace supe {
namespace {

/// One of six colours that are readable on dark and on light, always the same for the same label.
int colour_of(std::string_view label) {
    std::uint32_t hash = 2166136261u;
    for (const char c : label) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    return 31 + static_cast<int>(hash % 6);
}

}  // namespace

std::string_view name_of(stream s) { return s == stream::out ? "stdout" : "stderr"; }

std::string_view label_of(std::string_view address) {
    if (address.size() <= 1) return "supe";
    return address.find('/', 1) == std::string_view::npos ? address.substr(1) : address;
}

addressed_line split_label(std::string_view line, std::string_view nested) {
    const std::size_t end = line.find(']');
    if (!line.starts_with('[') || end == std::string_view::npos || end + 1 >= line.size() ||
        line[end + 1] != ' ')
        return {nested, line};
    const std::string_view address = line.substr(1, end - 1);
    if (!address.starts_with(nested) ||
        (address.size() > nested.size() && address[nested.size()] != '/'))
        return {nested, line};
    return {address, line.substr(end + 2)};
}

void append_text_line(std::string& out, std::string_view label, std::string_view line,
                      colours shown, std::string_view at) {
    if (!at.empty()) {
        out += at;
        out += ' ';
    }
    if (shown == colours::on) {
        out += fmt::format("\x1b[{}m[{}]\x1b[0m ", colour_of(label), label);
    } else {
        out += '[';
        out += label;
        out += "] ";
    }
    out += line;
    out += '\n';
}

void append_json_line(std::string& out, std::string_view at, std::string_view address, stream s,
                      std::string_view line) {
    out += "{\"at\":\"";
    out += at;
    out += "\",\"address\":\"";  // names need no escapes (contract §1)
    out += address;
    out += "\",\"stream\":\"";
    out += name_of(s);
    out += "\",\"line\":";
    append_json_output(out, line);
    out += "}\n";
}

std::string_view utc_text::of(std::chrono::system_clock::time_point t) {
    const auto now = std::chrono::floor<std::chrono::milliseconds>(t);
    if (now == last_) return text_;
    text_ = print_utc(t);
    last_ = now;
    return text_;
}

}  // namespace supe
