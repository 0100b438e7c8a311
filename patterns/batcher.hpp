// Mail that is handled many at a time.
#pragma once

#include "supe/component/component.hpp"

#include <utility>
#include <vector>

namespace patterns {

/// At most `count` mails, or what arrives within `wait` after the first one, are handled together
/// and acknowledged together: one commit, one request, one line for all of them.
///
///     patterns::batcher batches{self, {.count = 100, .wait = 50ms}};
///     while (co_await batches.next()) store(batches.mails());
///
/// next() acknowledges the batch before: whoever asks for the next one has handled it. What was
/// refused with reject() is taken out of mails() first. A mail of the child's mailbox waits for its
/// batch in this process, unacknowledged: the child's `mail.window` must not be less than `count`.
class batcher {
public:
    /// Precondition: `limits.count` is more than 0, and nothing was received yet.
    batcher(supe::component& self, supe::batch_limits limits) : self_(self), limits_(limits) {
        self.set_window(static_cast<unsigned>(limits.count));
    }

    /// False when asked to shut down: the batch before is acknowledged, and what had been gathered
    /// of the next one stays in the mailbox.
    supe::awaitable<bool> next() {
        for (supe::mail& handled : mails_) handled.ack();
        mails_.clear();
        mails_ = co_await self_.receive_batch(limits_);
        co_return !mails_.empty();
    }
    std::vector<supe::mail>& mails() { return mails_; }

private:
    supe::component& self_;
    supe::batch_limits limits_;
    std::vector<supe::mail> mails_;
};

}  // namespace patterns
