#include "supe/async/timer.hpp"

#include "supe/async/assertion.hpp"
#include "supe/async/clock.hpp"

#include <boost/asio/post.hpp>

namespace supe {

asio::execution_context::id resume_queue::id;

resume_queue::resume_queue(asio::execution_context& loop)
    : service(loop), executor_(static_cast<asio::io_context&>(loop).get_executor()) {}

void resume_queue::push(waiter& w) {
    SUPE_ASSERT(!w.hook<of_timer>::is_linked());
    woken_.push_back(w);
    if (!in_pass_) resume_later();
}

void resume_queue::resume_later() {
    if (posted_) return;
    asio::post(executor_, [this] {
        posted_ = false;
        pass now(*this);
        now.resume_all();
    });
    posted_ = true;
}

resume_queue::pass::~pass() {
    if (!is_outer_) return;
    queue_.in_pass_ = false;
    if (!queue_.woken_.empty()) queue_.resume_later();
}

void resume_queue::pass::resume_all() {
    for (int n = 0; n < most_per_pass && !queue_.woken_.empty(); ++n) {
        waiter& w = queue_.woken_.front();
        queue_.woken_.pop_front();
        w.resume();
    }
}

void resume_queue::shutdown() {
    while (!all_.empty()) {
        waiter& w = all_.front();
        w.hook<of_timer>::unlink();  // its timer may be in the frame that is destroyed with it
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

resume_queue& timer::queue() const { return clock_.waiters_; }

void timer::add(resume_queue::waiter& w) {
    waiters_.push_back(w);
    queue().add(w);
}

void timer::notify() {
    while (!waiters_.empty()) waiters_.front().wake(resume_queue::wake_reason::notified);
}

void timer::notify_now() {
    queue().resume_now([this] { notify(); });
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
