// How processes are started, as the supervisor sees it: real ones in posix_launcher, simulated ones
// in supe/simulation.
#pragma once

#include "supe/async/clock.hpp"
#include "supe/async/unique_fd.hpp"
#include "supe/process/exit_status.hpp"

#include <sys/types.h>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace supe {

struct launch_request {
    std::vector<std::string>
        command;            ///< the first is looked up in the PATH of `environment`, as execvp does
    std::string directory;  ///< where it runs; empty: here
    std::vector<std::string> environment;  ///< `KEY=value`, whole; NODE_CHANNEL_FD, LISTEN_*,
                                           ///< NOTIFY_SOCKET, WATCHDOG_* are added
    std::vector<int>
        listening;  ///< become descriptors 3, 4, … of the child, the channel the next one
    std::string listening_name;                         ///< what LISTEN_FDNAMES calls each of them
    bool notify = false;                                ///< it gets a NOTIFY_SOCKET of its own
    std::optional<std::chrono::microseconds> watchdog;  ///< WATCHDOG_USEC
};

/// Why a process could not be started: contract §4 `start-failed`.
struct launch_error {
    std::string code;  ///< errno's name, `ENOENT`
    std::string text;  ///< `web.js: No such file or directory`

    /// `what` is the file, the directory or the call that errno `number` speaks of.
    static launch_error from_errno(int number, std::string_view what);
};

/// One process, until it is reaped. Its group is its own.
class process {
public:
    virtual ~process() = default;

    virtual pid_t pid() const = 0;
    /// It can be reaped; its group may live on.
    virtual bool is_dead() const = 0;
    /// Notifies `alarm`, once, when it is dead or has notifications(). Not where it is dead
    /// already. The alarm outlives it.
    virtual void watch(timer& alarm) = 0;
    /// What it sent to its NOTIFY_SOCKET since the last call (sd_notify), a datagram each. Does not
    /// wait.
    virtual std::vector<std::string> notifications() { return {}; }
    /// To the process alone; nothing happens when it is dead.
    virtual void signal(int number) = 0;
    /// SIGKILL to whatever is left of its group. Not after reap(): the number may be somebody
    /// else's then.
    virtual void kill_group() = 0;
    /// Once it is dead: how it ended. One call.
    virtual exit_status reap() = 0;

    // Our ends; whoever uses them takes them.
    unique_fd channel;
    unique_fd output;
    unique_fd error;
};

class launcher {
public:
    virtual ~launcher() = default;
    virtual std::variant<std::unique_ptr<process>, launch_error> launch(const launch_request&) = 0;
    /// Kills what a process with this SUPE_ADDRESS (or one below it) left behind outside its group,
    /// after its own end; true when none is left. Their own children appear only when they are
    /// dead: ask again until true.
    virtual awaitable<bool> end_descendants(std::string address) = 0;
};

}  // namespace supe
