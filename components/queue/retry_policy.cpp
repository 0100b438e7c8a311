#include "components/queue/retry_policy.hpp"

#include "supe/text/units.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>

namespace components {
namespace {

bool is_2xx(int status) { return status >= 200 && status < 300; }

milliseconds delay_after(unsigned delays, const retry_settings& s, double random) {
    const double grown = static_cast<double>(s.first.count()) * std::pow(s.factor, delays);
    const double most = std::min(grown, static_cast<double>(s.max.count()));
    return milliseconds(static_cast<std::int64_t>(most * (1 - s.jitter * random)));
}

std::string last_answer(const delivery_result& result) {
    if (result.status != 0) return std::to_string(result.status);
    return result.error.empty() ? "no answer" : result.error;
}

}  // namespace

bool is_outage(int status) {
    return status == 0 || status == 408 || status == 429 || status >= 500;
}

bool is_refusal(int status) { return !is_outage(status) && !is_2xx(status) && status != 410; }

std::optional<milliseconds> hold_after(const delivery_result& result, const retry_settings& s) {
    const bool asked = result.retry_after.value_or(milliseconds(0)) > milliseconds(0);
    if (!asked || (result.status != 429 && result.status != 503)) return std::nullopt;
    return std::min(*result.retry_after, s.retry_after_max);
}

verdict judge(const delivery_result& result, const tries& before, const retry_settings& settings,
              double random) {
    using kind = verdict::kind;
    const int status = result.status;
    if (is_2xx(status)) return {kind::delivered};
    if (status == 410) return {kind::pause, {}, "the destination answered 410 Gone"};
    const unsigned refused = before.refused + 1;
    if (is_refusal(status) && refused >= settings.refused)
        return {kind::dead, {}, fmt::format("refused {} times, at last with {}", refused, status)};
    if (before.age >= settings.give_up)
        return {kind::dead,
                {},
                fmt::format("not delivered within {}, at last: {}",
                            supe::print_duration(settings.give_up), last_answer(result))};
    milliseconds delay = delay_after(before.delays, settings, random);
    if (result.retry_after)
        delay = std::max(delay, std::min(*result.retry_after, settings.retry_after_max));
    return {kind::retry, delay};
}

}  // namespace components
