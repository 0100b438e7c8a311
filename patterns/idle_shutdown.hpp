// A component that ends when it has had nothing to do for a while, and is started again by the next
// mail.
#pragma once

#include "supe/component/component.hpp"

namespace patterns {

/// For children with `"demand": true` (contract §5):
///
///     patterns::idle_shutdown idle{self, 30s};
///     while (auto mail = co_await idle.next_mail()) { …; mail->ack(); }
///
/// A mail that arrives at the last moment is not lost: the supervisor keeps it until it is
/// acknowledged, and starts the component again for it.
class idle_shutdown {
public:
    idle_shutdown(supe::component& self, supe::duration limit) : self_(self), limit_(limit) {}

    /// Nothing when no mail came for the limit, counted from this call, or when asked to shut down.
    supe::awaitable<std::optional<supe::mail>> next_mail() {
        return self_.receive_until(self_.time().now() + limit_);
    }

private:
    supe::component& self_;
    supe::duration limit_;
};

}  // namespace patterns
