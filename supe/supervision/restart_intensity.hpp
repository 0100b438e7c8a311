// How many restarts within how long: OTP's `intensity` and `period` (supervisor, add_restart), and
// the delay between them (contract §5 `backoff`). Pure: time is an argument.
#pragma once

#include "supe/async/clock.hpp"
#include "supe/tree/child_spec.hpp"

#include <vector>

namespace supe {

/// A sliding window of restarts.
class restart_intensity {
public:
    explicit restart_intensity(restart_limit limit) : limit_(limit) {}

    /// Counts one restart at `now`. False when that is one too many. As in OTP, one that lies
    /// exactly `within` back still counts.
    bool add(time_point now);
    /// How many count at `now`.
    std::size_t count(time_point now);
    void reset() { restarts_.clear(); }
    const restart_limit& limit() const { return limit_; }
    /// What has been counted stays.
    void set_limit(restart_limit limit) { limit_ = limit; }

private:
    void forget_old(time_point now);
    restart_limit limit_;
    std::vector<time_point> restarts_;
};

/// The delay before the next try: first, then times `factor` up to `max`; after 0 comes 100 ms
/// (within max).
class restart_delay {
public:
    /// The delay before the next start, given how long the last run lasted. `random` in [0,1)
    /// decides the jitter.
    milliseconds next(const backoff_spec& spec, duration last_run, double random);
    /// Forgets earlier crashes (a start by hand, a clean end).
    void reset() {
        tries_ = 0;
        base_ = {};
    }

private:
    unsigned tries_ = 0;
    milliseconds base_{};
};

}  // namespace supe
