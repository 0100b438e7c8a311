// A component that finishes what it has in hand before it ends, and gives the rest back.
#pragma once

#include "supe/component/component.hpp"

#include <functional>

namespace patterns {

struct graceful_limits {
    unsigned at_once = 1;                            ///< mails in hand: the window
    supe::duration grace = std::chrono::seconds(5);  ///< less than the child's `shutdown`
};

using mail_handler = std::function<supe::awaitable<>(supe::mail)>;

/// Runs `handle` for each mail, for several at once, until the component is asked to shut down.
/// Then it asks for no more mail, and gives back what it has not begun. What is in hand has `grace`
/// to end; what has not ended by then is cancelled, and its mail stays in the mailbox.
///
///     const auto handle = [&](supe::mail mail) -> supe::awaitable<> {
///         co_await deliver(mail.body());
///         mail.ack();
///     };
///     co_await patterns::graceful_shutdown(self, {.at_once = 8, .grace = 5s}, handle);
///
/// `handle` acknowledges its mail itself. Where one throws, the others are cancelled and awaited,
/// and it is thrown here.
supe::awaitable<> graceful_shutdown(supe::component& self, graceful_limits limits,
                                    mail_handler handle);

}  // namespace patterns
