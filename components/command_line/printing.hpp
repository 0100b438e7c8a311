// What the commands print: text of the tree may come from anywhere, so no control character of it
// reaches a terminal (contract §6).
#pragma once

#include <fmt/format.h>
#include <string_view>

namespace components {

/// Text of one line or more, and a line end, to stdout.
void print_line(std::string_view text);
/// One JSON value and a line end to stdout.
void print_json(std::string_view json);
/// Text of one line or more, and a line end, to stderr.
void print_note(std::string_view text);
/// `supe: …` to stderr; the text may have several lines.
void print_problem(std::string_view text);

template <class... Args>
void complain(fmt::format_string<Args...> text, Args&&... args) {
    print_problem(fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace components
