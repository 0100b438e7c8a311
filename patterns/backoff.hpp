// How long to wait before trying again.
#pragma once

#include "supe/async/clock.hpp"

#include <functional>

namespace patterns {

/// Pauses that grow: first, first × factor, … up to max. Each is a random part of that ("full
/// jitter"), so that those that failed together do not come back together. A pure object; the
/// caller waits:
///
///     patterns::backoff pause({.first = 100ms, .max = 5s}, random);
///     while (!try_it()) co_await self.shutdown_requested_until(self.time().now() + pause.next());
class backoff {
public:
    struct settings {
        supe::duration first = std::chrono::milliseconds(100);
        supe::duration max = std::chrono::seconds(30);
        double factor = 2;
    };
    /// `random` gives numbers in [0,1).
    backoff(settings s, std::function<double()> random)
        : settings_(s), random_(std::move(random)), limit_(s.first) {}

    supe::duration next();
    /// After a success: the next pause is a first one again.
    void reset() { limit_ = settings_.first; }

private:
    settings settings_;
    std::function<double()> random_;
    supe::duration limit_;
};

}  // namespace patterns
