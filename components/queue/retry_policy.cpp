#include "components/queue/retry_policy.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>

namespace components {
namespace {

/// After the first failure at once (the next tick of the retrier), then first, 2 × first, … up to
/// max.
milliseconds delay_after(unsigned attempt, const retry_settings& s, double random) {
    if (attempt <= 1) return milliseconds(0);
    const double doublings = std::min(attempt - 2, 40u);
    const double grown = static_cast<double>(s.first.count()) * std::exp2(doublings);
    const double limit = std::min(grown, static_cast<double>(s.max.count()));
    return milliseconds(static_cast<std::int64_t>(limit * random));
}

}  // namespace

bool is_refusal(int status) {
    const bool passing = status == 0 || status == 408 || status == 429 || status >= 500;
    const bool success = status >= 200 && status < 300;
    return !passing && !success && status != 410;
}

verdict judge(const delivery_result& result, const tries& history, const retry_settings& settings,
              double random) {
    const int status = result.status;
    if (status >= 200 && status < 300) return {verdict::kind::delivered, {}, {}};
    if (status == 410) return {verdict::kind::pause, {}, "the destination answered 410 Gone"};
    const unsigned refused = history.refused_before + 1;
    if (is_refusal(status) && refused >= settings.refusals) {
        return {verdict::kind::dead,
                {},
                fmt::format("refused {} times, at last with {}", refused, status)};
    }
    milliseconds delay = delay_after(history.attempt, settings, random);
    if (result.retry_after)
        delay = std::max(delay, std::min(*result.retry_after, settings.retry_after_max));
    return {verdict::kind::retry, delay, {}};
}

}  // namespace components
