// The service manager above this process (systemd, or another supe), told by the protocol of
// sd_notify(3).
#pragma once

#include "supe/async/unique_fd.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace supe {

class service_manager {
public:
    /// By NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. One that does not listen where they are
    /// not for this process.
    static service_manager from_environment();

    bool listens() const { return static_cast<bool>(fd_); }
    /// It wants WATCHDOG=1 within twice this time; nothing where it wants none.
    std::optional<std::chrono::microseconds> ping_every() const { return ping_every_; }
    /// Sends assignments, one a line: `READY=1\nSTATUS=all is well`. Never waits: false when it did
    /// not take them.
    bool notify(std::string_view assignments) const;

private:
    unique_fd fd_;
    std::string address_;  // as in sun_path
    std::optional<std::chrono::microseconds> ping_every_;
};

}  // namespace supe
