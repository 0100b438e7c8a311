// Strings of JSON: what their text means, and the reverse.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace supe {

/// The string that a JSON string's text means: `"a\nb"` with its quotes in, its characters out.
/// Precondition: is_json(text) and it starts with a quote. A lone surrogate becomes U+FFFD.
std::string json_string_value(std::string_view text);

/// The same; empty where `text` is no string. Precondition: it is empty, or is_json(text).
std::string json_string_or_empty(std::string_view text);

/// `value` as JSON text with quotes. Bytes that are not UTF-8 become U+FFFD.
std::string json_quoted(std::string_view value);
void append_json_quoted(std::string& out, std::string_view value);
/// The same where `value` is UTF-8 and takes at most `most` bytes so: json_string_value() gives it
/// back. Else false, and `out` is as it was.
bool append_json_text(std::string& out, std::string_view value, std::size_t most = SIZE_MAX);
/// A line of output as a JSON string: a byte that is not UTF-8 becomes the four characters `\xHH`.
void append_json_output(std::string& out, std::string_view line);

}  // namespace supe
