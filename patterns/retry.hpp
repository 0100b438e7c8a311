// Something that may fail, tried until it succeeds.
#pragma once

#include "patterns/backoff.hpp"
#include "supe/component/component.hpp"

#include <stdexcept>
#include <type_traits>

namespace patterns {

struct retry_limits {
    backoff::settings pauses{};  ///< between the end of one try and the next one
    unsigned tries = 0;          ///< 0: no limit
    supe::time_point deadline = supe::never;
};

/// Runs `work` until one run of it succeeds, and returns what that run returned. `work` is called
/// for each try; it returns an awaitable.
///
///     const patterns::retry_limits limits{.pauses = {.first = 1s}, .tries = 5};
///     const auto ask = [&] { return patterns::timeout(self, 5s, ask_database(key)); };
///     auto row = co_await patterns::retry(self, limits, ask);
///     if (!row) co_return;                                           // asked to shut down
///
/// std::runtime_error (with system_error) is a failure, and is tried again. Anything else is a
/// fault of the program, and thrown at once. What must not be tried again (a refusal) is a result:
/// return it.
///
/// - After the last try, and where the next one would begin after the deadline: throws what the
/// last
///   one threw. A try that runs at the deadline is cancelled: std::runtime_error.
/// - Asked to shut down, it ends the try that it is at, and begins no other one: nothing is
/// returned
///   (of an awaitable<>: false). A try that may hang needs a limit of its own, as above.
/// - Nothing is kept over a crash. The mail that asked for the work is delivered again, and the
/// tries
///   begin anew.
template <class Work, class T = typename std::invoke_result_t<Work&>::value_type>
supe::awaitable<supe::race_result<T>> retry(supe::component& self, retry_limits limits, Work work) {
    backoff pauses(limits.pauses);
    for (unsigned tried = 1; !self.shutting_down(); ++tried) {
        std::exception_ptr failure;
        try {
            supe::awaitable<T> one = work();
            auto result = co_await supe::within(self.time(), limits.deadline, std::move(one));
            if (result) co_return result;
            throw std::runtime_error("no result until the deadline");
        } catch (const std::runtime_error&) {
            failure = std::current_exception();
            if (supe::is_cancellation(failure)) throw;
        }
        const supe::time_point next = self.time().now() + pauses.next();
        if (tried == limits.tries || next >= limits.deadline) std::rethrow_exception(failure);
        co_await self.shutdown_requested_until(next);
    }
    co_return supe::race_result<T>{};
}

}  // namespace patterns
