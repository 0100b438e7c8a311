// Never more than so many in a time.
#pragma once

#include "supe/async/clock.hpp"

namespace patterns {

/// A bucket of tokens: `count` of them fit in, they come back evenly over `period`, and each thing
/// that is done takes one. After a quiet period `count` may be done at once. A pure object; the
/// caller waits, or says no:
///
///     patterns::rate_limiter starts({.count = 50, .period = 1s});
///     const supe::duration wait = starts.take(self.time().now());
///     if (wait > 0s) …                     // nothing was taken; there is a token after that time
class rate_limiter {
public:
    struct settings {
        unsigned count = 1;  ///< from 1
        supe::duration period = std::chrono::seconds(1);
        unsigned burst = 0;  ///< how many at once after a quiet time; 0: `count`
    };
    explicit rate_limiter(settings s);

    /// Takes a token and returns 0. Where there is none, takes nothing and returns the time until
    /// there is one.
    supe::duration take(supe::time_point now);

    /// After which time nothing is missing in the bucket, if nothing is taken until then.
    supe::duration full_in(supe::time_point now) const;
    /// The bucket is that of an earlier limiter, which said so of full_in(). Of a time that is
    /// longer than an empty bucket needs, that counts.
    void go_on(supe::time_point now, supe::duration full_in);

private:
    supe::duration each_;         // the time in which one token comes
    supe::duration full_;         // the time in which an empty bucket has all but one
    supe::time_point full_at_{};  // when the bucket is full, if nothing more is taken
};

}  // namespace patterns
