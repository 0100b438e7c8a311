#include "supe/async/timer.hpp"

#include "supe/async/clock.hpp"

namespace supe {

asio::execution_context::id waiting_room::id;

void waiting_room::shutdown() {
    while (!all_.empty()) {
        waiter& w = all_.front();
        w.hook<of_timer>::unlink();  // the timer may be in the frame that goes with it
        w.hook<of_loop>::unlink();
        delete &w;
    }
}

timer::~timer() {
    if (expiry_ != never) clock_.disarm(*this);
}

void timer::expires_at(time_point deadline) {
    if (deadline == expiry_) return;
    if (expiry_ != never) clock_.disarm(*this);
    expiry_ = deadline;
    notify();
    if (deadline != never) clock_.arm(*this, deadline);
}

void timer::add(waiting_room::waiter& w) {
    waiters_.push_back(w);
    clock_.waiters_.add(w);
}

void timer::notify() {
    while (!waiters_.empty()) waiters_.front().resume(false);
}

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

}  // namespace supe
