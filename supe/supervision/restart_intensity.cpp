#include "supe/supervision/restart_intensity.hpp"

#include <algorithm>

namespace supe {

using namespace std::chrono_literals;

bool restart_intensity::add(time_point now) {
    forget_old(now);
    restarts_.push_back(now);
    if (restarts_.size() <= limit_.count) return true;
    restarts_.erase(restarts_.begin());  // the window holds at most `count` restarts
    return false;
}

std::size_t restart_intensity::count(time_point now) {
    forget_old(now);
    return restarts_.size();
}

void restart_intensity::forget_old(time_point now) {
    std::erase_if(restarts_, [&](time_point at) { return now - at > limit_.within; });
}

milliseconds restart_delay::next(const backoff_spec& spec, duration last_run, double random) {
    if (last_run >= spec.reset_after) reset();
    const milliseconds limit = std::min(spec.max, milliseconds(24h));
    if (tries_ == 0) {
        base_ = spec.first;
    } else if (base_ == 0ms) {
        base_ = 100ms;
    } else {
        const double grown = static_cast<double>(base_.count()) * spec.factor;
        base_ = grown >= static_cast<double>(limit.count())
                    ? limit
                    : milliseconds(static_cast<std::int64_t>(grown));
    }
    base_ = std::clamp(base_, 0ms, limit);
    ++tries_;
    const double share = 1 + spec.jitter * (2 * random - 1);
    return std::clamp(
        milliseconds(static_cast<std::int64_t>(static_cast<double>(base_.count()) * share)), 0ms,
        limit);
}

}  // namespace supe
