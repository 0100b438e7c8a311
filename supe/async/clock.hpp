// Time as an object: the real clock here, a virtual one in supe/simulation.
#pragma once

#include "supe/async/timer.hpp"

#include <map>
#include <memory>

namespace supe {

/// Where time comes from. Steady: a wall clock that is set back changes nothing (contract §5
/// durations).
class clock {
public:
    explicit clock(loop_executor executor)
        : executor_(executor), waiters_(asio::use_service<resume_queue>(executor.context())) {}
    virtual ~clock() = default;

    virtual time_point now() const = 0;
    virtual std::chrono::system_clock::time_point wall() const = 0;
    loop_executor executor() const { return executor_; }

    /// Resumes at `deadline`; throws operation_aborted when the coroutine is cancelled.
    awaitable<> sleep_until(time_point deadline);
    awaitable<> sleep_for(duration d) { return sleep_until(now() + d); }

protected:
    resume_queue& waiters() { return waiters_; }

private:
    friend class timer;
    virtual void arm(timer&, time_point deadline) = 0;
    virtual void disarm(timer&) = 0;

    loop_executor executor_;
    resume_queue& waiters_;
};

/// The timers of a clock that have a deadline: by (deadline, number of registration).
class timers {
public:
    void add(timer& t, time_point deadline);
    void remove(timer& t);
    /// The earliest deadline; `never` where there is none.
    time_point next() const { return set_.empty() ? never : set_.begin()->first.first; }
    /// Removes the first one and notifies it. Precondition: there is one.
    void fire_first();
    std::size_t size() const { return set_.size(); }

private:
    std::uint64_t last_number_ = 0;
    std::map<std::pair<time_point, std::uint64_t>, timer*> set_;
};

/// The steady clock of the operating system. One timer of Asio's serves all of ours.
class real_clock final : public clock {
public:
    explicit real_clock(loop_executor executor);
    ~real_clock() override;
    time_point now() const override { return std::chrono::steady_clock::now(); }
    std::chrono::system_clock::time_point wall() const override {
        return std::chrono::system_clock::now();
    }

private:
    struct alarm;
    void arm(timer& t, time_point deadline) override;
    void disarm(timer& t) override;
    void set_alarm();
    void ring();

    timers timers_;
    std::shared_ptr<alarm> alarm_;
};

}  // namespace supe
