// Where a webhook goes that somebody waits for.
#pragma once

#include "supe/async/awaitable.hpp"
#include "supe/async/timer.hpp"
#include "supe/channel/frame.hpp"

#include <string>

namespace components {

/// The most webhooks that are kept together.
inline constexpr std::size_t most_together = 10000;
/// The longest text, in bytes: as a mail to the queue may have, so that what is kept can be mailed
/// to a forwarder.
inline constexpr std::size_t longest_kept_text = supe::default_frame_limit - 1024;

class webhook_keeper {
public:
    virtual ~webhook_keeper() = default;
    /// What it does besides; until it is cancelled, or it ends where that is nothing.
    virtual supe::awaitable<> run() = 0;
    /// `webhook`: its JSON text, or an array of up to `most_together` of one route, which are kept
    /// all or none. Resumes without an error when it is on disk. `dead_lettered`: it was refused.
    /// `timed_out` at the deadline: it may be kept all the same. Whoever is cancelled waits no
    /// longer, and it may be kept, too.
    virtual supe::awaitable<supe::error_code> keep(std::string webhook,
                                                   supe::time_point deadline) = 0;
    /// Why nothing reaches the place where they are kept, for people. Empty where nothing is known
    /// to be wrong.
    virtual std::string objection() const { return {}; }
};

}  // namespace components
