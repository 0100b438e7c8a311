#include "patterns/every.hpp"

#include "supe/async/assertion.hpp"

namespace patterns {

every::every(supe::component& self, supe::duration period)
    : self_(self), period_(period), next_(self.time().now() + period) {
    SUPE_ASSERT(period > supe::duration::zero());
}

supe::awaitable<bool> every::tick() {
    co_await self_.shutdown_requested_until(next_);
    if (self_.shutting_down()) co_return false;
    const auto now = self_.time().now();
    next_ += period_ * (1 + (now - next_) / period_);
    co_return true;
}

}  // namespace patterns
