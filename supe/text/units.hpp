// Durations, sizes and points in time as people write them (contract §5). Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace supe {

using milliseconds = std::chrono::milliseconds;

/// For messages.
inline double in_seconds(std::chrono::nanoseconds d) {
    return std::chrono::duration<double>(d).count();
}

/// Ten years: nanoseconds of a steady clock hold 292.
inline constexpr milliseconds longest_duration = std::chrono::hours(24) * 3650;
/// "250ms", "8s", "5m", "1h", "3d", up to longest_duration; also "0". Nothing where the text is no
/// duration.
std::optional<milliseconds> parse_duration(std::string_view text);
/// The shortest form that parse_duration reads back.
std::string print_duration(milliseconds d);
/// 1 PiB.
inline constexpr std::size_t largest_size = std::size_t(1) << 50;
/// "64KiB", "256MiB", "10GiB", "512B", or a plain number of bytes, up to largest_size. Nothing
/// where the text is no size.
std::optional<std::size_t> parse_bytes(std::string_view text);
std::string print_bytes(std::size_t n);

/// `2026-01-31T12:00:00.000Z` (RFC 3339).
std::string print_utc(std::chrono::system_clock::time_point t);
/// In milliseconds: the system's clock, which counts shorter ones, ends in the year 2262.
using utc_time = std::chrono::sys_time<milliseconds>;
/// The same, with any number of digits behind the point, a blank for the `T`, or cut behind the
/// date, the minutes or the seconds; the `Z` may be missing. Nothing where the text is no such
/// time.
std::optional<utc_time> parse_utc(std::string_view text);

}  // namespace supe
