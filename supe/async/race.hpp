// Several coroutines at once, until the first of them ends.
#pragma once

#include "supe/async/nursery.hpp"

#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace supe {

/// What race() says of one contestant: its result, or nothing where it was cancelled. Of an
/// awaitable<>: whether it ran to its end.
template <class T>
using race_result = std::conditional_t<std::is_void_v<T>, bool, std::optional<T>>;

/// The contestants of one race(), and what has become of them.
template <class... T>
class race_contest {
public:
    using results = std::tuple<race_result<T>...>;

    explicit race_contest(clock& c) : contestants_(c) {}
    race_contest(const race_contest&) = delete;
    race_contest& operator=(const race_contest&) = delete;

    void start(awaitable<T>... work) {
        start_each(std::index_sequence_for<T...>(), std::move(work)...);
    }
    awaitable<> join() { return contestants_.join(); }
    void throw_failure() const {
        if (failure_) std::rethrow_exception(failure_);
        if (first_error_) std::rethrow_exception(first_error_);
    }
    results& values() { return results_; }

private:
    template <std::size_t... I>
    void start_each(std::index_sequence<I...>, awaitable<T>... work) {
        (contestants_.start(run<I, T>(std::move(work))), ...);
    }

    template <std::size_t I, class R>
    awaitable<> run(awaitable<R> work) {
        std::exception_ptr error;
        try {
            if constexpr (std::is_void_v<R>) {
                co_await std::move(work);
                std::get<I>(results_) = true;
            } else {
                R result = co_await std::move(work);
                std::get<I>(results_).emplace(std::move(result));
            }
        } catch (...) {
            error = std::current_exception();
        }
        on_end(error);
    }

    /// A cancelled loser is no failure; one that fails on its way out is.
    void on_end(const std::exception_ptr& error) {
        if (!std::exchange(is_decided_, true)) first_error_ = error;
        if (error && !failure_ && !is_cancellation(error)) failure_ = error;
        contestants_.cancel();
    }

    nursery contestants_;
    results results_;
    bool is_decided_ = false;
    std::exception_ptr first_error_;  // of the contestant that ended first
    std::exception_ptr failure_;      // the first that is no cancellation
};

/// Runs all `work` at once. The first that ends decides: the others are cancelled and awaited (one
/// that has not begun by then never runs), and what the first threw is thrown. The result has one
/// entry for each contestant; several are set where several ended in the same moment, so that no
/// result is lost.
///
/// Where the first threw nothing, the failure of a loser on its way out is thrown. A race that is
/// cancelled cancels all, awaits them, and throws operation_aborted, also where one of them failed.
///
///     auto [answer, stopping] = co_await supe::race(time, ask(), self.shutdown_requested());
template <class... T>
awaitable<std::tuple<race_result<T>...>> race(clock& c, awaitable<T>... work) {
    race_contest<T...> all(c);
    all.start(std::move(work)...);
    co_await all.join();
    all.throw_failure();
    co_return std::move(all.values());
}

/// Runs `work` until `deadline`: its result, or nothing when the deadline came first and `work` was
/// cancelled and awaited; for an awaitable<> whether it ended in time. What `work` throws is thrown
/// here. Where the deadline has passed already, `work` does not begin.
template <class T>
awaitable<race_result<T>> within(clock& c, time_point deadline, awaitable<T> work) {
    auto results = co_await race(c, c.sleep_until(deadline), std::move(work));
    co_return std::move(std::get<1>(results));
}

}  // namespace supe
