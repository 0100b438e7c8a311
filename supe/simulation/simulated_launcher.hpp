// Processes that are coroutines: the real supervisor starts them, and the real channel carries
// their frames.
#pragma once

#include "supe/async/nursery.hpp"
#include "supe/component/component.hpp"
#include "supe/process/launcher.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace supe::simulation {

class simulated_process;

/// What a simulated process begins with.
struct process_start {
    int channel_fd;
    std::string name, address;
    std::function<void(std::string_view line)> print;  ///< a line to its stdout
};
/// What a simulated process does; its end is the end of the process. Returns the exit code; a throw
/// is exit code 1. The channel's descriptor is its own.
using program = std::function<awaitable<int>(process_start)>;

class simulated_launcher final : public launcher {
public:
    explicit simulated_launcher(clock& c) : clock_(c) {}

    /// The program behind a command's first word, or behind a built-in role.
    void provide(std::string name, program p) { programs_[std::move(name)] = std::move(p); }
    /// The next `n` starts of this address fail with this error.
    void fail_next(const std::string& address, unsigned n, launch_error error) {
        failures_[address] = {n, std::move(error)};
    }

    std::variant<std::unique_ptr<process>, launch_error> launch(
        const launch_request& request) override;
    awaitable<bool> end_descendants(pid_t life, std::string address) override;

    /// Ends the process with this address as if by `status`; false when none runs.
    bool end(const std::string& address, exit_status status);
    /// 0 where none runs.
    pid_t pid_of(const std::string& address) const;
    std::size_t running() const { return processes_.size(); }
    /// Times that a process with this address was started.
    unsigned starts_of(const std::string& address) const;

private:
    friend class simulated_process;
    clock& clock_;
    std::map<std::string, program> programs_;
    std::map<std::string, std::pair<unsigned, launch_error>> failures_;
    std::map<std::string, unsigned> starts_;
    std::map<pid_t, simulated_process*> processes_;
    pid_t last_pid_ = 1000;
};

}  // namespace supe::simulation
