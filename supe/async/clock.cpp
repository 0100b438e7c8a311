#include "supe/async/clock.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace supe {

awaitable<> clock::sleep_until(time_point deadline) {
    timer t(*this);
    t.expires_at(deadline);
    while (now() < deadline) co_await t.wait();
}

timer::timer(clock& c) : clock_(c), waiters_(c.executor(), never) {}

timer::~timer() {
    if (expiry_ != never) clock_.disarm(*this);
}

void timer::expires_at(time_point deadline) {
    if (deadline == expiry_) return;
    if (expiry_ != never) clock_.disarm(*this);
    expiry_ = deadline;
    notify();
    clock_.arm(*this, deadline);
}

awaitable<> timer::wait() {
    error_code ignored;  // the wait ends by "cancel" each time that it is notified
    co_await waiters_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) throw system_error(asio::error::operation_aborted);
}

void timer::notify() { waiters_.cancel(); }

void condition::notify() {
    all_.notify();
    for (timer* t : with_deadline_) t->notify();
}

awaitable<> condition::wait_until(time_point deadline) {
    if (deadline == never) {
        co_await all_.wait();
        co_return;
    }
    struct entry : timer {
        entry(clock& c, std::vector<timer*>& all) : timer(c), all_(all) { all_.push_back(this); }
        ~entry() { std::erase(all_, this); }
        std::vector<timer*>& all_;
    } mine(clock_, with_deadline_);
    mine.expires_at(deadline);
    co_await mine.wait();
}

void real_clock::arm(timer& t, time_point deadline) { t.waiters_.expires_at(deadline); }

}  // namespace supe
