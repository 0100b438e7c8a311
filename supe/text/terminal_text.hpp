// Text from outside, as a terminal may be given it (contract §6): a terminal obeys control
// characters, and whoever can write a line could move its cursor, set its title, type for its user,
// or turn text around, so that it reads as something else. Pure.
#pragma once

#include <string>
#include <string_view>

namespace supe {

/// One line: each byte of a control character (all of C0 but tab, DEL, U+0080 to U+009F, and those
/// that set the direction of text: U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069) and
/// each byte that is not UTF-8 as the four characters `\xHH`. A carriage return at its end, as
/// lines from elsewhere have it, is left out.
std::string terminal_line(std::string_view line);

/// The same of several lines.
std::string terminal_lines(std::string_view text);

/// The same JSON text (well-formed, in UTF-8): what JSON allows of control characters in a string,
/// all of those above but C0, as `\uHHHH`.
std::string terminal_json(std::string_view json);

}  // namespace supe
