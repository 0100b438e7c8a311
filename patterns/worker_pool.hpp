// Several coroutines of one component that share a queue of work.
#pragma once

#include "supe/async/nursery.hpp"

#include <algorithm>
#include <deque>
#include <list>
#include <utility>

namespace patterns {

/// Workers that take work from one queue, each one piece at a time. Between two of them a worker
/// may keep something that others want too, as a connection with a permit. It gives that up after
/// `keep` without work, when it is called back, and when it has become useless. It hands it to a
/// sibling that waits for the same with work in hand (from_sibling()). Work goes to a worker that
/// keeps something before others. `Worker` has these members:
///
///     bool keeps() const;                      // it has something to give up
///     bool is_useful() const;                  // what it keeps can be used for the next work
///     supe::awaitable<> give_up();             // resumes when it keeps nothing
///     void take_over(Worker& sibling);         // what the sibling keeps; it keeps nothing then
///     supe::duration turn();                   // zero: one piece may begin now, and is counted;
///                                              // else ask again after that time
///     supe::awaitable<> handle(Work work);
///
/// A worker that waits for its turn has no work in hand: what it keeps can be called back.
///
/// Workers live in the pool, and the pool outlives the nursery that they run in:
///
///     patterns::worker_pool<deliverer, supe::mail> pool(self.time(), 15s);
///     for (int i = 0; i < 4; ++i) pool.hire(settings);
///     supe::nursery all(self.time());
///     pool.start(all);
///     while (auto mail = co_await idle.next_mail()) pool.add(std::move(*mail));
///     pool.close();
///     co_await all.join();
template <class Worker, class Work>
class worker_pool {
public:
    worker_pool(supe::clock& time, supe::duration keep) : time_(time), keep_(keep) {}

    /// Makes a worker of these arguments. Before start().
    template <class... Arguments>
    void hire(Arguments&&... arguments) {
        places_.emplace_back(time_, std::forward<Arguments>(arguments)...);
    }
    void start(supe::nursery& all) {
        for (place& p : places_) all.start(work(p));
    }

    void add(Work work) {
        waiting_.push_back(std::move(work));
        wake_one();
    }
    /// The work that no worker has begun.
    std::deque<Work> take_waiting() { return std::exchange(waiting_, {}); }
    /// Others want what the workers keep: each gives it up, after the work that it has in hand.
    void recall() {
        for (place& p : places_) {
            p.recalled = p.working || p.worker.keeps();
            p.wake.notify();
        }
    }
    /// For handle(): resumes when a sibling that is free has handed to `w` what it kept. Those that
    /// wait are served in their order. Race it with the other ways to get the same: `w` may have
    /// it although another way was first in that moment.
    supe::awaitable<> from_sibling(Worker& w) {
        wanting me(*this, w);
        for (place& p : places_)
            if (p.sleeping && p.worker.keeps()) p.wake.notify();
        while (!me.served) co_await me.wake.wait();
    }
    /// No more work is begun. The coroutines end when what is in hand is done and nothing is kept.
    void close() {
        closing_ = true;
        for (place& p : places_) p.wake.notify();
    }
    /// There is work, or something is kept.
    bool is_busy() const {
        return !waiting_.empty() || std::ranges::any_of(places_, [](const place& p) {
            return p.working || p.worker.keeps();
        });
    }

private:
    struct place {
        Worker worker;
        bool sleeping = false;  // it waits for work and was not woken yet
        bool working = false;
        bool recalled = false;
        supe::timer wake;

        template <class... Arguments>
        explicit place(supe::clock& time, Arguments&&... arguments)
            : worker{std::forward<Arguments>(arguments)...}, wake(time) {}
    };

    /// A worker in from_sibling().
    struct wanting {
        worker_pool& pool;
        Worker& worker;
        bool served = false;
        supe::timer wake;

        wanting(worker_pool& p, Worker& w) : pool(p), worker(w), wake(p.time_) {
            pool.wanting_.push_back(this);
        }
        ~wanting() { std::erase(pool.wanting_, this); }
        wanting(const wanting&) = delete;
    };

    /// Where all work, the next that is done looks for itself.
    void wake_one() {
        place* best = nullptr;
        for (place& p : places_)
            if (p.sleeping && (!best || (p.worker.keeps() && !best->worker.keeps()))) best = &p;
        if (!best) return;
        best->sleeping = false;
        best->wake.notify();
    }

    supe::awaitable<> give_up(place& p) {
        p.recalled = false;
        co_await p.worker.give_up();
    }

    /// A sibling with work in hand comes before the next work, which is younger.
    void hand_over(place& p) {
        if (wanting_.empty() || !p.worker.keeps()) return;
        wanting& first = *wanting_.front();
        wanting_.pop_front();
        first.worker.take_over(p.worker);
        first.served = true;
        first.wake.notify();
    }

    /// True when there is work that may begin, false at the end.
    supe::awaitable<bool> wait_for_work(place& p) {
        const supe::time_point keep_until = time_.now() + keep_;
        while (!closing_) {
            if (p.recalled || (p.worker.keeps() && !p.worker.is_useful())) {
                co_await give_up(p);
                continue;
            }
            hand_over(p);
            supe::time_point look_at = supe::never;
            if (!waiting_.empty()) {
                const supe::duration wait = p.worker.turn();
                if (wait <= supe::duration::zero()) co_return true;
                look_at = time_.now() + wait;
            }
            if (p.worker.keeps() && time_.now() >= keep_until) {
                co_await give_up(p);
                continue;
            }
            p.sleeping = true;
            p.wake.expires_at(p.worker.keeps() ? std::min(keep_until, look_at) : look_at);
            co_await p.wake.wait();
            p.sleeping = false;
        }
        co_return false;
    }

    supe::awaitable<> work(place& p) {
        for (bool more = co_await wait_for_work(p); more; more = co_await wait_for_work(p)) {
            Work next = std::move(waiting_.front());
            waiting_.pop_front();
            if (!waiting_.empty()) wake_one();  // one at a time waits for its turn
            p.working = true;
            co_await p.worker.handle(std::move(next));
            p.working = false;
        }
        co_await give_up(p);
    }

    supe::clock& time_;
    supe::duration keep_;
    std::deque<Work> waiting_;
    std::deque<wanting*> wanting_;  // in the order of their waiting
    std::list<place> places_;
    bool closing_ = false;
};

}  // namespace patterns
