// How long to wait before trying again.
#pragma once

#include "supe/async/clock.hpp"

#include <optional>
#include <random>

namespace patterns {

/// Pauses that grow: first, first × factor, … up to max. By default each is a random part of that
/// ("full jitter"), so that those that failed together do not come back together. A pure object
/// with dice of its own; the caller waits:
///
///     patterns::backoff pause({.first = 100ms, .max = 5s});
///     while (!try_it()) co_await self.shutdown_requested_until(self.time().now() + pause.next());
class backoff {
public:
    struct settings {
        supe::duration first = std::chrono::milliseconds(100);
        supe::duration max = std::chrono::seconds(30);
        double factor = 2;
        double jitter = 1;  ///< the part of a pause that is random, 0 to 1
    };
    explicit backoff(settings s) : settings_(s), limit_(s.first) {}

    supe::duration next();
    /// After a success: the next pause is a first one again.
    void reset() { limit_ = settings_.first; }

private:
    settings settings_;
    supe::duration limit_;
    std::optional<std::minstd_rand> dice_{};  // a seed costs more than most of what is tried
};

}  // namespace patterns
