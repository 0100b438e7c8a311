// Where a webhook goes that somebody waits for.
#pragma once

#include "supe/async/awaitable.hpp"
#include "supe/async/timer.hpp"

#include <string>

namespace components {

class webhook_keeper {
public:
    virtual ~webhook_keeper() = default;
    /// What it does besides; until it is cancelled, or it ends where that is nothing.
    virtual supe::awaitable<> run() = 0;
    /// `webhook`: its JSON text. Resumes without an error when it is on disk. `dead_lettered`: it
    /// was refused. `timed_out` at the deadline: it may be kept all the same. Whoever is cancelled
    /// waits no longer, and it may be kept, too.
    virtual supe::awaitable<supe::error_code> keep(std::string webhook,
                                                   supe::time_point deadline) = 0;
};

}  // namespace components
