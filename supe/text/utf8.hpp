// UTF-8 (RFC 3629): cutting text without cutting a character, and mending what is not UTF-8. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace supe {

/// The same bytes where they are UTF-8; whatever is not, a character that was cut in two included,
/// becomes U+FFFD.
std::string as_utf8(std::string_view bytes);

/// The end of the character of several bytes at `at` (no overlong forms, no surrogates, nothing
/// past U+10FFFF); npos where there is none.
std::size_t utf8_character_end(std::string_view text, std::size_t at);

/// Where to cut `text`, which the byte `next` follows: at its end, or before a character that goes
/// on in `next`.
std::size_t utf8_cut(std::string_view text, char next);

/// One line to show, from outside: at most `most` bytes of it, without control characters (C0, DEL,
/// U+0080 to U+009F); what is not UTF-8 becomes U+FFFD.
std::string shown_line(std::string_view text, std::size_t most);

}  // namespace supe
