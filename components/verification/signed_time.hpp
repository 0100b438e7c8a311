// The times that providers sign.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace components {

/// Unix time in seconds, or in milliseconds where it is so large; or a date of UTC
/// (`2021-03-25T05:09:27Z`, RFC 3339, with a fraction or without). Nothing where it is neither.
std::optional<std::chrono::milliseconds> time_in(std::string_view text);

/// True where `text`, a time that is signed directly before `next`, ends where it seems to: no
/// character can have moved from one to the other.
bool ends_before(std::string_view text, std::string_view next);

}  // namespace components
