#include "supe/async/clock.hpp"

#include "supe/async/assertion.hpp"

#include <boost/asio/basic_waitable_timer.hpp>

namespace supe {

awaitable<> clock::sleep_until(time_point deadline) {
    timer t(*this);
    t.expires_at(deadline);
    while (now() < deadline) co_await t.wait();
}

void timers::add(timer& t, time_point deadline) {
    t.number_ = ++last_number_;
    set_.emplace(std::pair(deadline, t.number_), &t);
}

void timers::remove(timer& t) { set_.erase({t.expiry(), t.number_}); }

void timers::fire_first() {
    SUPE_ASSERT(!set_.empty());
    const auto first = set_.begin();
    timer* const due = first->second;
    set_.erase(first);
    due->notify();
}

/// Outlives its clock: Asio may call its handler later.
struct real_clock::alarm {
    using asio_timer =
        asio::basic_waitable_timer<std::chrono::steady_clock,
                                   asio::wait_traits<std::chrono::steady_clock>, loop_executor>;
    asio_timer at;
    real_clock* owner;
};

real_clock::real_clock(loop_executor executor)
    : clock(executor), alarm_(std::make_shared<alarm>(alarm::asio_timer(executor, never), this)) {}

real_clock::~real_clock() {
    alarm_->owner = nullptr;
    alarm_->at.cancel();
}

void real_clock::arm(timer& t, time_point deadline) {
    timers_.add(t, deadline);
    if (deadline < alarm_->at.expiry()) set_alarm();
}

/// An alarm that no timer needs does no harm, but keeps the loop waiting.
void real_clock::disarm(timer& t) {
    timers_.remove(t);
    if (timers_.size() == 0 && alarm_->at.expiry() != never) alarm_->at.expires_at(never);
}

void real_clock::set_alarm() {
    alarm_->at.expires_at(timers_.next());
    if (timers_.size() == 0) return;
    alarm_->at.async_wait([a = alarm_](error_code failed) {
        if (!failed && a->owner) a->owner->ring();
    });
}

void real_clock::ring() {
    waiters().resume_now([this] {
        while (timers_.next() <= now()) timers_.fire_first();
        set_alarm();  // before they are resumed: one of them may destroy the clock
    });
}

}  // namespace supe
