#include "supe/async/timer.hpp"

#include "supe/async/clock.hpp"

#include <boost/asio/post.hpp>

namespace supe {

asio::execution_context::id waiting_room::id;

waiting_room::waiting_room(asio::execution_context& loop)
    : service(loop), executor_(static_cast<asio::io_context&>(loop).get_executor()) {}

void waiting_room::call(waiter& w) {
    called_.push_back(w);
    if (!going_) resume_later();
}

void waiting_room::resume_later() {
    if (posted_) return;
    asio::post(executor_, [this] {
        posted_ = false;
        go now(*this);
        now.resume_called();
    });
    posted_ = true;
}

waiting_room::go::~go() {
    if (!is_outer_) return;
    room_.going_ = false;
    if (!room_.called_.empty()) room_.resume_later();
}

void waiting_room::go::resume_called() {
    for (int n = 0; n < most_in_one_go && !room_.called_.empty(); ++n) {
        waiter& w = room_.called_.front();
        room_.called_.pop_front();
        w.go_on();
    }
}

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

waiting_room& timer::room() const { return clock_.waiters_; }

void timer::add(waiting_room::waiter& w) {
    waiters_.push_back(w);
    room().add(w);
}

void timer::notify() {
    while (!waiters_.empty()) waiters_.front().wake(false);
}

void timer::notify_now() {
    room().call_now([this] { notify(); });
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
