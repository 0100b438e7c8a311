#include "supe/text/units.hpp"

#include <fmt/format.h>
#include <charconv>
#include <ctime>

namespace supe {
namespace {

struct unit {
    std::string_view name;
    std::int64_t size;
};
constexpr unit times[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
constexpr unit sizes[] = {
    {"TiB", std::int64_t(1) << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}};

constexpr std::int64_t longest =
    10LL * 365 * 24 * 3600 * 1000;  // ms: nanoseconds of a steady clock hold 292 years

/// `12s`-like text as a number of the smallest unit. Whole numbers only, none above `most`.
template <std::size_t N>
std::optional<std::int64_t> parse_units(std::string_view text, const unit (&units)[N],
                                        bool unit_needed, std::int64_t most) {
    std::int64_t n = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (failed != std::errc() || n < 0) return std::nullopt;
    const std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
    if (rest.empty())
        return (!unit_needed || n == 0) && n <= most ? std::optional(n) : std::nullopt;
    for (const unit& u : units) {
        if (rest == u.name && n <= most / u.size) return n * u.size;
    }
    return std::nullopt;
}

template <std::size_t N>
std::string print_units(std::int64_t n, const unit (&units)[N]) {
    for (const unit& u : units) {
        if (n != 0 && n % u.size == 0) return fmt::format("{}{}", n / u.size, u.name);
    }
    return fmt::format("{}{}", n, units[N - 1].name);
}

}  // namespace

std::optional<milliseconds> parse_duration(std::string_view t) {
    const auto n = parse_units(t, times, true, longest);
    return n ? std::optional(milliseconds(*n)) : std::nullopt;
}

std::string print_duration(milliseconds d) { return print_units(d.count(), times); }

std::optional<std::size_t> parse_bytes(std::string_view t) {
    const auto n = parse_units(t, sizes, false, largest_size);
    return n ? std::optional(static_cast<std::size_t>(*n)) : std::nullopt;
}

std::string print_bytes(std::size_t n) { return print_units(static_cast<std::int64_t>(n), sizes); }

std::string print_utc(std::chrono::system_clock::time_point t) {
    using std::chrono::milliseconds;
    const auto in_ms = std::chrono::floor<milliseconds>(t);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(in_ms);
    const std::time_t whole = std::chrono::system_clock::to_time_t(seconds);
    std::tm utc{};
    ::gmtime_r(&whole, &utc);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                       utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                       (in_ms - seconds).count());
}

}  // namespace supe
