// Owns coroutines: what is started here is cancelled and awaited here.
#pragma once

#include "supe/async/clock.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace supe {

/// A group of coroutines with one end (Trio's nursery, Asio's task_group idiom). Belongs to one thread.
/// The first one that throws cancels the others, and join() throws what it threw.
class nursery {
public:
    explicit nursery(clock& c);
    /// Cancels what still runs. Join first, where what they use dies with the nursery.
    ~nursery();
    nursery(const nursery&) = delete;
    nursery& operator=(const nursery&) = delete;

    /// Starts a coroutine; it first runs from the event loop, not in this call.
    void start(awaitable<> work);
    /// Asks all to end: their next `co_await` throws operation_aborted.
    void cancel();
    /// Resumes when none is left; throws the first failure (an end by cancel() is none).
    awaitable<> join();
    std::size_t size() const;

private:
    struct state;
    std::shared_ptr<state> state_;
};

/// Runs `work` until `deadline`: its result, or nothing when the deadline came first and `work` was cancelled and awaited.
/// What `work` throws is thrown here.
template <class T>
awaitable<std::optional<T>> within(clock& c, time_point deadline, awaitable<T> work) {
    struct race {
        explicit race(clock& c) : alarm(c) {}
        std::optional<T> result;
        std::exception_ptr error;
        bool done = false;
        timer alarm;

        static awaitable<> run(awaitable<T> work, std::shared_ptr<race> r) {
            try {
                r->result.emplace(co_await std::move(work));
            } catch (...) {
                r->error = std::current_exception();
            }
            r->done = true;
            r->alarm.notify();
        }
    };
    auto r = std::make_shared<race>(c);
    r->alarm.expires_at(deadline);
    nursery tasks(c);
    tasks.start(race::run(std::move(work), r));
    while (!r->done && c.now() < deadline) co_await r->alarm.wait();
    const bool late = !r->done;
    if (late) tasks.cancel();
    co_await tasks.join();
    if (r->error && !late) std::rethrow_exception(r->error);
    co_return std::move(r->result);
}

}  // namespace supe
