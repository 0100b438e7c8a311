#include "components/command_line/printing.hpp"

#include "supe/text/terminal_text.hpp"

namespace components {

void print_line(std::string_view text) { fmt::print("{}\n", supe::terminal_lines(text)); }

void print_json(std::string_view json) { fmt::print("{}\n", supe::terminal_json(json)); }

void print_note(std::string_view text) { fmt::print(stderr, "{}\n", supe::terminal_lines(text)); }

void print_problem(std::string_view text) {
    fmt::print(stderr, "supe: {}\n", supe::terminal_lines(text));
}

}  // namespace components
