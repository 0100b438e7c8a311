#include "components/verification/signed_time.hpp"

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

int number_in(std::string_view text, std::size_t at, std::size_t digits) {
    int n = 0;
    std::from_chars(text.data() + at, text.data() + at + digits, n);
    return n;
}

std::optional<std::chrono::milliseconds> date_in(std::string_view text) {
    using namespace std::chrono;
    constexpr std::string_view form = "0000-00-00T00:00:00";
    if (text.size() <= form.size() || text.back() != 'Z') return std::nullopt;
    const std::string_view fraction = text.substr(form.size(), text.size() - form.size() - 1);
    if (!fraction.empty() && (fraction.front() != '.' || !is_all_digits(fraction.substr(1))))
        return std::nullopt;
    for (std::size_t i = 0; i < form.size(); ++i) {
        if (form[i] == '0' ? !is_digit(text[i]) : text[i] != form[i]) return std::nullopt;
    }
    const year_month_day day{year(number_in(text, 0, 4)),
                             month(static_cast<unsigned>(number_in(text, 5, 2))),
                             std::chrono::day(static_cast<unsigned>(number_in(text, 8, 2)))};
    if (!day.ok()) return std::nullopt;
    return sys_days(day).time_since_epoch() + hours(number_in(text, 11, 2)) +
           minutes(number_in(text, 14, 2)) + seconds(number_in(text, 17, 2));
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
