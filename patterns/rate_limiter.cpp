#include "patterns/rate_limiter.hpp"

#include "supe/async/assertion.hpp"

#include <algorithm>

namespace patterns {

rate_limiter::rate_limiter(settings s)
    : each_(std::max(supe::duration(1), s.period / std::max(s.count, 1u))),
      full_(each_ * ((s.burst > 0 ? s.burst : s.count) - 1)) {
    SUPE_ASSERT(s.count > 0 && s.period > supe::duration::zero());
}

supe::duration rate_limiter::take(supe::time_point now) {
    const supe::time_point full_at = std::max(full_at_, now);
    const supe::duration wait = full_at - now - full_;
    if (wait > supe::duration::zero()) return wait;
    full_at_ = full_at + each_;
    return supe::duration::zero();
}

supe::duration rate_limiter::full_in(supe::time_point now) const {
    return std::max(supe::duration::zero(), full_at_ - now);
}

void rate_limiter::go_on(supe::time_point now, supe::duration full_in) {
    full_at_ = now + std::min(full_in, full_ + each_);
}

}  // namespace patterns
