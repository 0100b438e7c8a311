#include "supe/text/units.hpp"

#include <fmt/format.h>
#include <algorithm>
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
    const auto n = parse_units(t, times, true, longest_duration.count());
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

namespace {

bool is_clock_digit(char c) { return c >= '0' && c <= '9'; }

/// How many characters at the begin of `text` are those of `form`: `0` is any digit, and `T` may be
/// a blank.
std::size_t matching_time(std::string_view text, std::string_view form) {
    std::size_t n = 0;
    while (n < std::min(text.size(), form.size()) &&
           (form[n] == '0' ? is_clock_digit(text[n])
                           : text[n] == form[n] || (form[n] == 'T' && text[n] == ' ')))
        ++n;
    return n;
}

/// Of these digits; 0 where the text ends before.
unsigned clock_number(std::string_view text, std::size_t at, std::size_t digits) {
    unsigned n = 0;
    if (at < text.size()) std::from_chars(text.data() + at, text.data() + at + digits, n);
    return n;
}

/// Takes `.25` from the begin of `rest`. Nothing where no digit follows the point.
std::optional<milliseconds> take_fraction(std::string_view& rest) {
    unsigned ms = 0;
    std::size_t n = 1;
    for (unsigned unit = 100; n < rest.size() && is_clock_digit(rest[n]); ++n, unit /= 10)
        ms += unit * static_cast<unsigned>(rest[n] - '0');
    rest.remove_prefix(n);
    return n > 1 ? std::optional(milliseconds(ms)) : std::nullopt;
}

}  // namespace

std::optional<utc_time> parse_utc(std::string_view text) {
    using namespace std::chrono;
    const std::size_t n = matching_time(text, "0000-00-00T00:00:00");
    if (n != 10 && n != 16 && n != 19) return std::nullopt;
    const std::string_view whole = text.substr(0, n);
    std::string_view rest = text.substr(n);
    std::optional<milliseconds> fraction(0);
    if (n == 19 && rest.starts_with('.')) fraction = take_fraction(rest);
    if (n > 10 && rest == "Z") rest = {};
    const year_month_day date{year(static_cast<int>(clock_number(whole, 0, 4))),
                              month(clock_number(whole, 5, 2)), day(clock_number(whole, 8, 2))};
    const unsigned hour = clock_number(whole, 11, 2), minute = clock_number(whole, 14, 2),
                   second = clock_number(whole, 17, 2);
    if (!rest.empty() || !fraction || !date.ok() || hour > 23 || minute > 59 || second > 60)
        return std::nullopt;
    return sys_days(date) + hours(hour) + minutes(minute) + seconds(second) + *fraction;
}

}  // namespace supe
