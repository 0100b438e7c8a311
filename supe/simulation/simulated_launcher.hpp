// Processes that are coroutines, each with an event loop of its own: the real supervisor starts
// them, and the real channel carries their frames.
#pragma once

#include "supe/async/nursery.hpp"
#include "supe/component/component.hpp"
#include "supe/process/launcher.hpp"
#include "supe/simulation/virtual_clock.hpp"

#include <boost/asio/io_context.hpp>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

namespace supe::simulation {

class simulated_process;

/// The event loop of a simulated process. It stays until the coroutines of the process have ended.
struct process_loop {
    explicit process_loop(const virtual_clock& same) : time(loop.get_executor(), same) {}
    asio::io_context loop{1};
    virtual_clock time;
    simulated_process* process = nullptr;  ///< null once its supervisor has left it
    bool frozen = false;
};

/// What a simulated process begins with. What waits in it waits at its `time`.
struct process_start {
    clock& time;
    int channel_fd;
    std::string name, address;
    std::function<void(std::string_view line)> print;  ///< a line to its stdout
};
/// What a simulated process does; its end is the end of the process. Returns the exit code; a throw
/// is exit code 1. The channel's descriptor is its own.
using program = std::function<awaitable<int>(process_start)>;

class simulated_launcher final : public launcher {
public:
    explicit simulated_launcher(const virtual_clock& c) : clock_(c) {}

    /// The program behind a command's first word, or behind a built-in role.
    void provide(std::string name, program p) { programs_[std::move(name)] = std::move(p); }
    /// The next `n` starts of this address fail with this error.
    void fail_next(const std::string& address, unsigned n, launch_error error) {
        failures_[address] = {n, std::move(error)};
    }

    std::variant<std::unique_ptr<process>, launch_error> launch(
        const launch_request& request) override;
    awaitable<left_descendants> end_descendants(pid_t life, std::string address) override;

    /// Ends the process with this address as if by `status`; false when none runs.
    bool end(const std::string& address, exit_status status);
    /// Stops it where it is, as SIGSTOP does, or lets it go on; false when none runs.
    bool freeze(const std::string& address, bool frozen);
    /// Gives each process a turn, and returns how many of their handlers ran.
    std::size_t poll();
    /// Loops whose coroutines have not all ended.
    std::size_t loops() const { return loops_.size(); }
    /// 0 where none runs.
    pid_t pid_of(const std::string& address) const;
    std::size_t running() const { return processes_.size(); }
    /// Times that a process with this address was started.
    unsigned starts_of(const std::string& address) const;

private:
    friend class simulated_process;
    simulated_process* at(const std::string& address) const;

    const virtual_clock& clock_;
    std::list<std::shared_ptr<process_loop>> loops_;
    std::map<std::string, program> programs_;
    std::map<std::string, std::pair<unsigned, launch_error>> failures_;
    std::map<std::string, unsigned> starts_;
    std::map<pid_t, simulated_process*> processes_;
    pid_t last_pid_ = 1000;
};

}  // namespace supe::simulation
