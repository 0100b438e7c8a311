#include "components/verification/signed_time.hpp"

#include "supe/text/units.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>

namespace components {
namespace {

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

bool is_all_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, is_digit);
}

/// With all of its parts, so that no character behind it can be one of it.
std::optional<std::chrono::milliseconds> date_in(std::string_view text) {
    constexpr std::string_view shortest = "0000-00-00T00:00:00Z";
    const bool is_whole = text.size() >= shortest.size() && text[10] == 'T' && text.back() == 'Z';
    const auto at = is_whole ? supe::parse_utc(text) : std::nullopt;
    return at ? std::optional(at->time_since_epoch()) : std::nullopt;
}

}  // namespace

std::optional<std::chrono::milliseconds> time_in(std::string_view text) {
    constexpr std::int64_t year_5138 = 100'000'000'000;
    if (const auto date = date_in(text)) return date;
    std::int64_t n = 0;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (bad != std::errc() || end != text.data() + text.size() || n < 0) return std::nullopt;
    return std::chrono::milliseconds(n < year_5138 ? n * 1000 : n);
}

bool ends_before(std::string_view text, std::string_view next) {
    constexpr std::size_t digits_since_2001 = 10;
    if (date_in(text)) return true;
    const bool goes_on = !next.empty() && is_digit(next.front());
    return is_all_digits(text) && text.size() >= digits_since_2001 && !goes_on;
}

}  // namespace components
