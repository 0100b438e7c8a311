// Time that stands still until it is told to move.
#pragma once

#include "supe/async/clock.hpp"

#include <cstdint>
#include <map>

namespace supe::simulation {

/// Timers are ordered by (deadline, number of registration): the same run gives the same order.
class virtual_clock final : public clock {
public:
    explicit virtual_clock(asio::any_io_executor executor) : executor_(std::move(executor)) {}

    time_point now() const override { return now_; }
    std::chrono::system_clock::time_point wall() const override;
    asio::any_io_executor executor() const override { return executor_; }

    /// The earliest deadline that somebody set; `never` where there is none.
    time_point next() const;
    /// Moves on to `t` and notifies the first timer that is due; false when none was. Call again until false.
    bool fire_one(time_point t);
    /// Timers that are set: none may be left at the end of a test.
    std::size_t armed() const { return timers_.size(); }

private:
    void arm(timer& t, time_point deadline) override;
    void disarm(timer& t) override;

    asio::any_io_executor executor_;
    time_point now_ = time_point{} + std::chrono::hours(1);  // not the epoch: {} means "not yet" in places
    std::uint64_t last_number_ = 0;
    std::map<std::pair<time_point, std::uint64_t>, timer*> timers_;
};

}  // namespace supe::simulation
