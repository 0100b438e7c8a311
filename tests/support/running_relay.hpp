// The real relay, as an operator runs it.
#pragma once

#include "tests/support/free_port.hpp"
#include "tests/support/program.hpp"

#include <boost/json/value.hpp>
#include <filesystem>

namespace support {

/// The pid of the child at this address of the tree in `state`; 0 when there is none.
pid_t pid_in(const std::filesystem::path& state, const std::string& address);

/// `supe relay` on a state directory; from options with retries every 200 ms.
class running_relay {
public:
    running_relay(event_loop& loop, std::filesystem::path state, std::string to,
                  unsigned connections, unsigned short port, std::vector<std::string> more = {});
    /// With a settings file, which says all but the state directory.
    running_relay(event_loop& loop, std::filesystem::path state,
                  const std::filesystem::path& settings);

    program& process() { return process_; }
    /// Waits until it takes webhooks.
    bool is_up(supe::duration limit = std::chrono::seconds(20));
    /// `supe status --json`, over the control socket; null when there is no answer.
    boost::json::value status() const;
    /// The pid at this address; 0 when there is no process.
    pid_t pid_of(const std::string& address) const;
    /// Kills it, and waits for its next life (not of a demand child).
    bool kill(const std::string& address);
    /// Sends SIGTERM, and returns the exit code.
    std::optional<int> stop();

private:
    event_loop& loop_;
    std::filesystem::path state_;
    program process_;
};

}  // namespace support
