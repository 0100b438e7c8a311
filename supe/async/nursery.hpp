// Owns coroutines: what is started here is cancelled and awaited here.
#pragma once

#include "supe/async/clock.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace supe {

/// True where `error` is what a cancelled coroutine throws.
bool is_cancellation(const std::exception_ptr& error);

/// A group of coroutines with one end (Trio's nursery, Asio's task_group idiom). Belongs to one
/// thread. The first one that throws cancels the others, and join() throws what it threw.
/// operation_aborted is no failure.
class nursery {
public:
    explicit nursery(clock& c);
    /// One whose coroutines can be ended before those of the other: a failure in it is a failure in
    /// `above` too.
    nursery(clock& c, nursery& above);
    /// Cancels what still runs. Join first, where what they use dies with the nursery.
    ~nursery();
    nursery(const nursery&) = delete;
    nursery& operator=(const nursery&) = delete;

    /// Starts a coroutine; it first runs from the event loop, not in this call. Where the others
    /// are being cancelled, so is it.
    void start(awaitable<> work);
    /// Asks all to end: their next `co_await` throws operation_aborted.
    void cancel();
    /// Resumes when none is left; throws the first failure. Cancelled itself, it cancels all, waits
    /// for them all the same, and then throws operation_aborted: nothing that they use has to
    /// outlive it.
    awaitable<> join();
    std::size_t size() const;

private:
    struct state;
    std::shared_ptr<state> state_;
};

/// Runs `work` until `deadline`: its result, or nothing when the deadline came first and `work` was
/// cancelled and awaited. What `work` throws is thrown here.
template <class T>
awaitable<std::optional<T>> within(clock& c, time_point deadline, awaitable<T> work) {
    struct race {
        nursery both;
        std::optional<T> result;
        std::exception_ptr error;
        bool late = false;

        awaitable<> run(awaitable<T> work) {
            try {
                result.emplace(co_await std::move(work));
            } catch (...) {
                error = std::current_exception();
            }
            both.cancel();
        }
        awaitable<> watch(clock& c, time_point deadline) {
            co_await c.sleep_until(deadline);
            late = true;
            both.cancel();
        }
    } r{nursery(c), {}, {}};
    if (deadline != never) r.both.start(r.watch(c, deadline));
    r.both.start(r.run(std::move(work)));
    co_await r.both.join();
    if (r.error && !(r.late && is_cancellation(r.error))) std::rethrow_exception(r.error);
    co_return std::move(r.result);
}

}  // namespace supe
