// The service manager above this process (systemd, or another supe), which hears of us by the
// protocol of sd_notify(3).
#pragma once

#include "supe/async/unique_fd.hpp"
#include "supe/supervision/supervisor.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace supe {

class service_manager {
public:
    /// By NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. Where they are not for this process, one
    /// that does not listen.
    static service_manager from_environment();

    bool listens() const { return static_cast<bool>(fd_); }
    /// Half of the time within which it wants WATCHDOG=1; nothing where it wants none.
    std::optional<std::chrono::microseconds> ping_every() const { return ping_every_; }
    /// Sends assignments, one a line: `READY=1\nSTATUS=all is well`. Never waits: false when it did
    /// not take them. Precondition: it listens.
    bool notify(std::string_view assignments) const;
    /// READY=1 once the tree has started, STOPPING=1 when it stops, and in words how it does. Runs
    /// until it is cancelled; precondition as above.
    awaitable<> report(supervisor& root) const;
    /// WATCHDOG=1, from the loop that all the work is done in: it ceases when that hangs. Runs
    /// until it is cancelled. Precondition: ping_every().
    awaitable<> ping(clock& time) const;

private:
    unique_fd fd_;
    std::string address_;  // as in sun_path
    std::optional<std::chrono::microseconds> ping_every_;
};

}  // namespace supe
