// Bytes as text: base64 (RFC 4648 §4), in which bodies that are no JSON travel. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace supe {

/// Padded with `=` to a multiple of four characters, without line ends.
void append_base64(std::string& out, std::string_view bytes);
/// Nothing where the text is anything else than that.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace supe
