// Time that stands still until somebody moves it.
#pragma once

#include "supe/async/clock.hpp"

namespace supe::simulation {

/// Timers are ordered by (deadline, number of registration): the same run gives the same order.
class virtual_clock final : public clock {
public:
    using clock::clock;

    time_point now() const override { return now_; }
    std::chrono::system_clock::time_point wall() const override;
    /// Sets the wall clock forward or back, as an operator or NTP does.
    void step_wall(duration by) { wall_step_ += by; }

    /// The earliest deadline that somebody set; `never` where there is none.
    time_point next() const { return timers_.next(); }
    /// Notifies the first timer that is due at `t` or before, at its own time; false when there is
    /// none: then the time is `t`. Call it until then.
    bool fire_one(time_point t);
    /// Timers that are set: none may be left at the end of a test.
    std::size_t armed() const { return timers_.size(); }

private:
    void arm(timer& t, time_point deadline) override { timers_.add(t, deadline); }
    void disarm(timer& t) override { timers_.remove(t); }

    time_point now_ =
        time_point{} + std::chrono::hours(1);  // not the epoch: {} means "not yet" in places
    duration wall_step_{};
    timers timers_;
};

}  // namespace supe::simulation
