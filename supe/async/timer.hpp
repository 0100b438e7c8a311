// Where coroutines wait: for a deadline, for one another, for whichever comes first.
#pragma once

#include "supe/async/awaitable.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/intrusive/list.hpp>
#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

namespace supe {

using duration = std::chrono::steady_clock::duration;
using time_point = std::chrono::steady_clock::time_point;

/// The deadline of something that waits for ever.
inline constexpr time_point never = time_point::max();

class clock;

/// The coroutines that wait at the timers of an event loop, and the queue of those that were woken.
/// They belong to the loop and end with it, as Asio's operations do.
///
/// A woken coroutine is resumed soon, in the order of wake-ups, and those that it wakes itself in
/// the same pass. Posted one by one, each would cost a system call: Asio looks at all descriptors
/// between any two of its handlers.
class resume_queue final : public asio::execution_context::service {
public:
    struct of_timer;
    struct of_loop;
    template <class Tag>
    using hook = boost::intrusive::list_base_hook<
        boost::intrusive::tag<Tag>, boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
    enum class wake_reason { notified, cancelled };
    /// One coroutine.
    struct waiter : hook<of_timer>, hook<of_loop> {
        virtual ~waiter() = default;
        /// Its wait is over: puts it into the queue.
        virtual void wake(wake_reason why) = 0;
        /// Resumes the coroutine, and deletes this object.
        virtual void resume() = 0;
    };
    template <class Tag>
    using list = boost::intrusive::list<waiter, boost::intrusive::base_hook<hook<Tag>>,
                                        boost::intrusive::constant_time_size<false>>;

    static asio::execution_context::id id;
    /// `loop`: an io_context.
    explicit resume_queue(asio::execution_context& loop);
    void add(waiter& w) { all_.push_back(w); }
    /// Its coroutine is resumed by the loop, not in this call. Precondition: it no longer waits at
    /// a timer.
    void push(waiter& w);
    /// The coroutines that `f` wakes are resumed before this returns. For a handler of Asio's,
    /// which no coroutine has called.
    template <class F>
    void resume_now(F f) {
        pass now(*this);
        f();
        now.resume_all();
    }

private:
    static constexpr int most_per_pass = 256;  // then descriptors and posted work have their turn
    /// However it ends, those that are left in the queue are resumed later.
    class pass {
    public:
        explicit pass(resume_queue& r) : queue_(r), is_outer_(!std::exchange(r.in_pass_, true)) {}
        ~pass();
        pass(const pass&) = delete;
        void resume_all();

    private:
        resume_queue& queue_;
        bool is_outer_;
    };
    void shutdown() override;
    void resume_later();

    loop_executor executor_;
    list<of_loop> all_;
    list<of_timer> woken_;
    bool in_pass_ = false;
    bool posted_ = false;  // a pass is posted
};

/// A deadline that can be notified before it passes: a timer and a condition variable in one.
/// A wait may end for any reason: a waiter checks its condition again after each one. Belongs to
/// one thread, and outlives its waiters.
class timer {
public:
    /// Starts without a deadline. The clock must outlive the timer.
    explicit timer(clock& c) : clock_(c) {}
    ~timer();
    timer(const timer&) = delete;
    timer& operator=(const timer&) = delete;

    /// Sets the deadline, and resumes those that wait now.
    void expires_at(time_point deadline);
    time_point expiry() const { return expiry_; }

    /// `co_await t.wait()` resumes when the deadline passes or on notify(), in the order of
    /// waiting; throws operation_aborted when the coroutine is cancelled. A deadline that passed
    /// before the wait does not end it.
    auto wait() {
        return asio::async_initiate<const asio::deferred_t, void(error_code)>(begin_wait{this},
                                                                              asio::deferred);
    }
    /// Resumes all that wait now.
    void notify();
    /// The same before this returns, as resume_queue::resume_now().
    void notify_now();

private:
    friend class timers;
    template <class Handler>
    struct waiter_of;
    struct begin_wait {
        timer* at;
        template <class Handler>
        void operator()(Handler&& handler) const {
            at->add(
                *new waiter_of<std::decay_t<Handler>>(std::forward<Handler>(handler), at->queue()));
        }
    };
    resume_queue& queue() const;
    void add(resume_queue::waiter& w);

    clock& clock_;
    time_point expiry_ = never;
    std::uint64_t number_ = 0;  // of its registration with the clock
    resume_queue::list<resume_queue::of_timer> waiters_;
};

template <class Handler>
struct timer::waiter_of final : resume_queue::waiter {
    using at_timer = resume_queue::hook<resume_queue::of_timer>;
    /// Lies in the cancellation slot, perhaps for longer than the wait.
    struct canceller {
        waiter_of* wait;
        void operator()(asio::cancellation_type) {
            if (wait) wait->wake(resume_queue::wake_reason::cancelled);
        }
    };

    waiter_of(Handler h, resume_queue& r) : handler(std::move(h)), queue(r) {
        auto slot = asio::get_associated_cancellation_slot(handler);
        if (slot.is_connected()) cancel = &slot.template emplace<canceller>(canceller{this});
    }
    /// One that is notified and then cancelled before it runs again is cancelled: what it waited
    /// for is left to others.
    void wake(resume_queue::wake_reason why) override {
        reason = why;
        if (std::exchange(woken, true)) return;
        if (at_timer::is_linked()) at_timer::unlink();  // it is not where its timer was destroyed
        queue.push(*this);
    }
    void resume() override {
        if (cancel) cancel->wait = nullptr;
        Handler h = std::move(handler);
        const error_code how = reason == resume_queue::wake_reason::cancelled
                                   ? error_code(asio::error::operation_aborted)
                                   : error_code();
        delete this;
        std::move(h)(how);
    }

    Handler handler;
    resume_queue& queue;
    canceller* cancel = nullptr;
    resume_queue::wake_reason reason{};
    bool woken = false;
};

/// What several coroutines wait for, each until a deadline of its own. Belongs to one thread, and
/// outlives its waiters.
class condition {
public:
    explicit condition(clock& c) : clock_(c), all_(c) {}

    /// Resumes all that wait now; they check their condition again.
    void notify();
    /// Resumes on notify(), or when the deadline passes; throws operation_aborted when the
    /// coroutine is cancelled.
    awaitable<> wait_until(time_point deadline);
    auto wait() { return all_.wait(); }

private:
    clock& clock_;
    timer all_;  // for all that have no deadline
    std::vector<timer*> with_deadline_;
};

}  // namespace supe
