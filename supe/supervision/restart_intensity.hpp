// The number of restarts within a time: OTP's `intensity` and `period` (supervisor, add_restart),
// and the delay between restarts (contract §5 `backoff`). Pure: time is an argument.
#pragma once

#include "supe/async/clock.hpp"
#include "supe/tree/child_spec.hpp"

#include <vector>

namespace supe {

/// A sliding window of restarts.
class restart_intensity {
public:
    explicit restart_intensity(restart_limit limit) : limit_(limit) {}

    /// Counts one restart at `now`. False when it exceeds the limit. As in OTP, a restart exactly
    /// `within` ago still counts.
    bool add(time_point now);
    /// The number of restarts in the window at `now`.
    std::size_t count(time_point now);
    void reset() { restarts_.clear(); }
    const restart_limit& limit() const { return limit_; }
    /// Restarts that were counted stay.
    void set_limit(restart_limit limit) { limit_ = limit; }

private:
    void forget_old(time_point now);
    restart_limit limit_;
    std::vector<time_point> restarts_;
};

/// The delay before the next start: `first`, then times `factor` each time, up to `max`. After 0
/// comes 100 ms (or `max`).
class restart_delay {
public:
    /// `last_run`: how long the last life lasted. `random`: in [0,1), for the jitter.
    milliseconds next(const backoff_spec& spec, duration last_run, double random);
    /// Begins with `first` again (a start by an operator, a clean end).
    void reset() {
        tries_ = 0;
        base_ = {};
    }

private:
    unsigned tries_ = 0;
    milliseconds base_{};
};

}  // namespace supe
