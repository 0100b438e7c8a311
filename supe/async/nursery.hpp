// Owns coroutines: what is started here is cancelled and awaited here.
#pragma once

#include "supe/async/clock.hpp"

#include <memory>

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
    /// for them all the same, and then throws operation_aborted, also where one of them failed:
    /// nothing that they use has to outlive it.
    awaitable<> join();
    std::size_t size() const;

private:
    struct state;
    std::shared_ptr<state> state_;
};

/// Runs `body` with a nursery that joins by itself: resumes when `body` and all that it started
/// have ended. The first of them that throws, `body` too, cancels the others, and that is thrown
/// once all have ended. A cancelled with_nursery() cancels all, awaits them, and throws
/// operation_aborted. `body` ends what it started by its nursery's cancel(), as its last step.
///
///     const auto body = [&](supe::nursery& all) -> supe::awaitable<> {
///         all.start(serve());
///         co_await work();
///         all.cancel();
///     };
///     co_await supe::with_nursery(time, body);
///
/// Give the lambda a name, as here: g++ 12 miscompiles one in the expression of the co_await.
template <class Body>
awaitable<> with_nursery(clock& c, Body body) {
    nursery all(c);
    all.start(body(all));
    co_await all.join();
}

}  // namespace supe
