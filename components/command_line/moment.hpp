// A point in time as it is given on the command line. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace components {

/// In milliseconds: the system's clock, which counts shorter ones, ends in the year 2262.
using moment = std::chrono::sys_time<std::chrono::milliseconds>;

/// `2h` is that long before `now`; else a date, or a date and a time of day, in UTC:
/// `2026-01-31`, `2026-01-31T12:00`, `2026-01-31T12:00:00.250Z`. Nothing for any other text.
std::optional<moment> parse_moment(const std::string& text,
                                   std::chrono::system_clock::time_point now);

}  // namespace components
