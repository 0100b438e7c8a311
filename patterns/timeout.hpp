// A limit for work that may hang.
#pragma once

#include "supe/component/component.hpp"

#include <fmt/format.h>
#include <stdexcept>

namespace patterns {

/// What timeout() throws at its limit.
class timed_out : public std::runtime_error {
public:
    explicit timed_out(supe::duration limit)
        : std::runtime_error(
              fmt::format("no result after {} ms",
                          std::chrono::duration_cast<std::chrono::milliseconds>(limit).count())) {}
};

/// The result of `work`, and an error where it takes longer than `limit`: then it was cancelled,
/// and has ended. So a caller that treats errors treats what hangs as well. What `work` throws is
/// thrown here.
///
///     auto row = co_await patterns::timeout(self, 5s, ask_database(key));
///
/// supe::within() is the same with a deadline, and no error.
template <class T>
supe::awaitable<T> timeout(supe::component& self, supe::duration limit, supe::awaitable<T> work) {
    const supe::time_point deadline = self.time().now() + limit;
    auto result = co_await supe::within(self.time(), deadline, std::move(work));
    if (!result) throw timed_out(limit);
    if constexpr (!std::is_void_v<T>) co_return std::move(*result);
}

}  // namespace patterns
