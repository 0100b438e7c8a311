// Time as an object: the real clock here, a virtual one in supe/simulation.
#pragma once

#include "supe/async/awaitable.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <vector>

namespace supe {

using duration = std::chrono::steady_clock::duration;
using time_point = std::chrono::steady_clock::time_point;

/// The deadline of something that waits for ever.
inline constexpr time_point never = time_point::max();

class timer;

/// Where time comes from. Steady: a wall clock that is set back changes nothing (contract §5 durations).
class clock {
public:
    virtual ~clock() = default;

    virtual time_point now() const = 0;
    virtual std::chrono::system_clock::time_point wall() const = 0;
    virtual asio::any_io_executor executor() const = 0;

    /// Resumes at `deadline`; throws operation_aborted when the coroutine is cancelled.
    awaitable<> sleep_until(time_point deadline);
    awaitable<> sleep_for(duration d) { return sleep_until(now() + d); }

private:
    friend class timer;
    virtual void arm(timer&, time_point deadline) = 0;
    virtual void disarm(timer&) = 0;
};

/// A deadline that can be notified before it passes: a timer and a condition variable in one.
/// Waiters only notice; they look at their condition again after each wait. Belongs to one thread.
class timer {
public:
    /// Starts without a deadline. The clock must outlive the timer.
    explicit timer(clock& c);
    ~timer();
    timer(const timer&) = delete;
    timer& operator=(const timer&) = delete;

    /// Sets the deadline; whoever waits is resumed and looks again.
    void expires_at(time_point deadline);
    time_point expiry() const { return expiry_; }

    /// Resumes when the deadline passes or on notify(); throws operation_aborted when the coroutine is cancelled.
    awaitable<> wait();
    /// Resumes all who wait now.
    void notify();
    /// The wait as an Asio operation, to be combined with others; ends with operation_aborted when notified.
    template <class Token>
    auto async_wait(Token&& token) {
        return waiters_.async_wait(std::forward<Token>(token));
    }

private:
    friend class real_clock;
    clock& clock_;
    time_point expiry_ = never;
    asio::steady_timer waiters_;
};

/// What several coroutines wait for, each until a deadline of its own. Belongs to one thread; outlives who waits.
class condition {
public:
    explicit condition(clock& c) : clock_(c), all_(c) {}

    /// Resumes all who wait now; they look at their condition again.
    void notify();
    /// Resumes on notify(), or when the deadline passes; throws operation_aborted when the coroutine is cancelled.
    awaitable<> wait_until(time_point deadline);
    awaitable<> wait() { return all_.wait(); }

private:
    clock& clock_;
    timer all_;                    // for all who have no deadline
    std::vector<timer*> with_deadline_;
};

/// The steady clock of the operating system.
class real_clock final : public clock {
public:
    explicit real_clock(asio::any_io_executor executor) : executor_(std::move(executor)) {}
    time_point now() const override { return std::chrono::steady_clock::now(); }
    std::chrono::system_clock::time_point wall() const override { return std::chrono::system_clock::now(); }
    asio::any_io_executor executor() const override { return executor_; }

private:
    void arm(timer& t, time_point deadline) override;
    void disarm(timer&) override {}
    asio::any_io_executor executor_;
};

}  // namespace supe
