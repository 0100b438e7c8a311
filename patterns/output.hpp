// Prints whole lines, which the supervisor labels.
#pragma once

#include <fmt/format.h>
#include <string>

namespace patterns {

/// Writes a line with one write(2), so that lines of several processes do not mix. Blocks while the
/// reader does not read.
void print_line(int fd, std::string line);

/// A line to stdout: `patterns::say("took {} webhooks", n)`.
template <class... Args>
void say(fmt::format_string<Args...> text, Args&&... args) {
    print_line(1, fmt::format(text, std::forward<Args>(args)...));
}

/// A line to stderr.
template <class... Args>
void warn(fmt::format_string<Args...> text, Args&&... args) {
    print_line(2, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace patterns
