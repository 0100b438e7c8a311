// The real relay, as an operator runs it.
#pragma once

#include "tests/support/program.hpp"

#include <boost/json/value.hpp>
#include <filesystem>

namespace support {

/// A port of 127.0.0.1 that was free a moment ago.
unsigned short free_port();

/// `supe relay` on a state directory, with retries every 200 ms.
class running_relay {
public:
    running_relay(event_loop& loop, std::filesystem::path state, std::string to,
                  unsigned connections, unsigned short port, std::vector<std::string> more = {});

    program& process() { return process_; }
    /// It takes webhooks.
    bool is_up(supe::duration limit = std::chrono::seconds(20));
    /// `supe status --json`, by the control socket; null when nobody answers.
    boost::json::value status() const;
    /// The process at this address; 0 where there is none.
    pid_t pid_of(const std::string& address) const;
    /// Kills it, and waits until another process has taken its place (not of a child on demand).
    bool kill(const std::string& address);
    /// SIGTERM, and its exit code.
    std::optional<int> stop();

private:
    event_loop& loop_;
    std::filesystem::path state_;
    program process_;
};

}  // namespace support
