// A component that its supervisor restarts when its work does not get on, and not only when it
// dies.
#pragma once

#include "supe/component/component.hpp"

#include <list>

namespace patterns {

/// For children with `"watchdog"` (contract §5): the supervisor aborts one that has not said for so
/// long that it is alive. A heart that beats beside the work says too little: it goes on beside
/// work that hangs. This one beats while each piece of work in hand is within its limit, and while
/// there is none.
///
///     patterns::watchdog dog{self, 5s};           // "watchdog": "15s" in the tree file
///     all.start(dog.run());                       // a nursery: beside the work
///     while (auto mail = co_await self.receive()) {
///         const auto piece = dog.begin(30s);
///         for (const auto& part : parts_of(*mail)) {
///             co_await handle(part);
///             piece.progress();                   // it has 30 s again
///         }
///         mail->ack();
///     }
///
/// It outlives its pieces and the nursery that runs it.
class watchdog {
public:
    /// Beats each `period`, which is at most half of the child's `watchdog`.
    watchdog(supe::component& self, supe::duration period) : self_(self), period_(period) {}

    /// Work in hand, until the end of this object.
    class piece {
    public:
        ~piece() { owner_.pieces_.erase(at_); }
        piece(const piece&) = delete;
        piece& operator=(const piece&) = delete;
        /// It gets on: from now on it has its whole limit again.
        void progress() const;

    private:
        friend class watchdog;
        piece(watchdog& owner, supe::duration limit);
        watchdog& owner_;
        supe::duration limit_;
        std::list<supe::time_point>::iterator at_;
    };
    piece begin(supe::duration limit) { return piece(*this, limit); }

    /// Each piece of work in hand is within its limit.
    bool is_well() const;
    /// Beats until the component is asked to shut down.
    supe::awaitable<> run();

private:
    supe::component& self_;
    supe::duration period_;
    std::list<supe::time_point> pieces_;  // until when each has to get on
};

}  // namespace patterns
