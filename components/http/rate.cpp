#include "components/http/rate.hpp"

#include <charconv>

namespace components {

using namespace std::chrono_literals;

std::optional<patterns::rate_limiter::settings> parse_rate(std::string_view text) {
    constexpr unsigned most = 1'000'000;
    constexpr std::pair<std::string_view, supe::duration> periods[] = {
        {"/s", 1s}, {"/m", 1min}, {"/h", 1h}};
    unsigned count = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (failed != std::errc() || count < 1 || count > most) return std::nullopt;
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    for (const auto& [name, period] : periods)
        if (unit == name) return patterns::rate_limiter::settings{count, period, 0};
    return std::nullopt;
}

patterns::rate_limiter::settings read_rate(const supe::field_reader& in,
                                           const supe::located_value& v) {
    const auto rate =
        v.scalar.is_string() ? parse_rate(std::string_view(v.scalar.get_string())) : std::nullopt;
    if (!rate) in.wrong(v, R"(a rate like "50/s", "10/m", "1000/h", from 1 to a million)");
    return *rate;
}

}  // namespace components
