// A point in time as it is given on the command line. Pure.
#pragma once

#include "supe/text/units.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace components {

using moment = supe::utc_time;

/// `2h` is that long before `now`; else a date, or a date and a time of day, in UTC, as
/// supe::parse_utc() takes them: `2026-01-31`, `2026-01-31T12:00`, `2026-01-31T12:00:00.250Z`.
/// Nothing for any other text.
std::optional<moment> parse_moment(const std::string& text,
                                   std::chrono::system_clock::time_point now);

}  // namespace components
