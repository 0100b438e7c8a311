// Time that stands still until somebody moves it.
#pragma once

#include "supe/async/clock.hpp"

#include <memory>

namespace supe::simulation {

/// Timers are ordered by (deadline, number of registration): the same run gives the same order.
class virtual_clock final : public clock {
public:
    explicit virtual_clock(loop_executor executor)
        : clock(executor), shared_(std::make_shared<shared>()) {}
    /// The same time for another loop: whoever waits at this clock is resumed by that loop.
    virtual_clock(loop_executor executor, const virtual_clock& same)
        : clock(executor), shared_(same.shared_) {}

    time_point now() const override { return shared_->now; }
    std::chrono::system_clock::time_point wall() const override;
    /// Sets the wall clock forward or back, as an operator or NTP does.
    void step_wall(duration by) { shared_->wall_step += by; }

    /// The earliest deadline that somebody set; `never` where there is none.
    time_point next() const { return shared_->all.next(); }
    /// Notifies the first timer that is due at `t` or before, at its own time; false when there is
    /// none: then the time is `t`. Call it until then.
    bool fire_one(time_point t);
    /// Timers that are set: none may be left at the end of a test.
    std::size_t armed() const { return shared_->all.size(); }

private:
    void arm(timer& t, time_point deadline) override { shared_->all.add(t, deadline); }
    void disarm(timer& t) override { shared_->all.remove(t); }

    struct shared {
        time_point now =
            time_point{} + std::chrono::hours(1);  // not the epoch: {} means "not yet" in places
        duration wall_step{};
        timers all;
    };
    std::shared_ptr<shared> shared_;
};

}  // namespace supe::simulation
