// A place in a JSON text (RFC 6901), found without building the text. Pure.
#pragma once

#include <optional>
#include <string_view>

namespace supe {

/// It is empty or begins with `/`, and `~` stands before 0 or 1 alone.
bool is_json_pointer(std::string_view text);

/// The text of the value that `pointer` names (`/0/id`; an empty one names the whole). Nothing
/// where there is none, or where `text` is no JSON. Precondition: is_json_pointer(pointer).
std::optional<std::string_view> value_at(std::string_view text, std::string_view pointer);

}  // namespace supe
