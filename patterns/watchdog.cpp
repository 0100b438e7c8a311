#include "patterns/watchdog.hpp"

#include "patterns/every.hpp"
#include "patterns/output.hpp"

#include <algorithm>

namespace patterns {

watchdog::piece::piece(watchdog& owner, supe::duration limit)
    : owner_(owner), limit_(limit),
      at_(owner.pieces_.insert(owner.pieces_.end(), owner.self_.time().now() + limit)) {}

void watchdog::piece::progress() const { *at_ = owner_.self_.time().now() + limit_; }

bool watchdog::is_well() const {
    const supe::time_point now = self_.time().now();
    return std::ranges::none_of(pieces_, [&](supe::time_point end) { return end <= now; });
}

supe::awaitable<> watchdog::run() {
    every beat{self_, period_};
    bool was_well = true;
    self_.alive();
    while (co_await beat.tick()) {
        const bool well = is_well();
        if (well) self_.alive();
        if (was_well && !well) warn("watchdog: a piece of work does not get on");
        was_well = well;
    }
}

}  // namespace patterns
