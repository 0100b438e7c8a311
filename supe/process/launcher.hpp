// The interface by which a supervisor starts processes: real ones in posix_launcher, simulated ones
// in supe/simulation.
#pragma once

#include "supe/async/clock.hpp"
#include "supe/async/unique_fd.hpp"
#include "supe/process/exit_status.hpp"
#include "supe/process/identity.hpp"

#include <sys/types.h>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace supe {

struct launch_request {
    std::vector<std::string>
        command;            ///< the first is searched in the PATH of `environment`, as by execvp
    std::string program;    ///< the file to run, where the first word is but a name to show
    std::string directory;  ///< working directory; empty: ours
    std::vector<std::string> environment;  ///< `KEY=value`, all of it; NODE_CHANNEL_*, LISTEN_*,
                                           ///< NOTIFY_SOCKET, WATCHDOG_* are added
    bool open_input = false;  ///< stdin is a pipe that ends with process::input, not /dev/null
    bool channel = true;      ///< false: the process gets no socket; our end is at its end of file
    std::vector<int>
        listening;  ///< these become descriptors 3, 4, … of the child; the channel is the next one
    std::shared_ptr<const void> listening_owner;  ///< keeps them open until the launch
    std::string listening_name;                   ///< the name of each of them in LISTEN_FDNAMES
    bool notify = false;                          ///< the process gets a NOTIFY_SOCKET
    std::string notify_path;  ///< … with this path where it can be had, else an abstract name
    std::string user, group;  ///< for whoever looks `run_as` up; the launcher does not read them
    std::optional<identity> run_as;                     ///< none: as we do
    std::optional<std::chrono::microseconds> watchdog;  ///< WATCHDOG_USEC

    /// In place of an earlier one of its name.
    void set_variable(const std::string& key, const std::string& value);
};

/// One process, until it is reaped. It leads a session and a process group of its own.
class process {
public:
    virtual ~process() = default;

    virtual pid_t pid() const = 0;
    /// True when it can be reaped. Other processes of its group may live on.
    virtual bool is_dead() const = 0;
    /// Notifies `alarm` once, when the process dies or has notifications(). Check is_dead() first:
    /// a process that is dead already may not notify. `alarm` outlives this object.
    virtual void watch(timer& alarm) = 0;
    /// The datagrams that it sent to its NOTIFY_SOCKET since the last call (sd_notify). Does not
    /// wait.
    virtual std::vector<std::string> notifications() { return {}; }
    /// True once in a life: it sent one that is too long, and was dropped.
    virtual bool dropped_notification() { return false; }
    /// Sends a signal to this process alone. Returns its pid where it may not be signalled (EPERM):
    /// it runs as another user by now (sudo). Else 0, also when it is dead.
    virtual pid_t signal(int number) = 0;
    /// Sends a signal (0: none) to its whole group, also after reap(), as long as the group lives.
    /// Returns the pid of who may not be signalled: of the process itself while it lives, and after
    /// reap() of one that is left, when none of those may be. Else 0.
    virtual pid_t signal_group(int number) = 0;
    /// Sends SIGKILL to its whole group, likewise.
    pid_t kill_group() { return signal_group(SIGKILL); }
    /// Reaps it and returns how it ended. Precondition: is_dead(). Call it once.
    virtual exit_status reap() = 0;
    /// After reap(): other processes of its group live. That the last ones are dead, and only not
    /// reaped by their parent, may be seen a little later.
    virtual bool group_lives() = 0;

    // Our ends. The user of an end moves it out.
    unique_fd channel;
    unique_fd output;
    unique_fd error;
    unique_fd input;  // held until the end of the process
};

/// What is left of the descendants of a process that has ended.
struct left_descendants {
    bool none = true;                ///< but for what may not be killed
    std::vector<pid_t> untouchable;  ///< those that may not be killed (EPERM) and were not reported
                                     ///< before: they may live for ever
};

class launcher {
public:
    virtual ~launcher() = default;
    virtual std::variant<std::unique_ptr<process>, launch_error> launch(const launch_request&) = 0;
    /// After the end of the process `life`, which was started as `address`: kills the processes
    /// that it, or one below it, left behind. The children of an orphan appear only when it is
    /// dead, so call this until none is left.
    virtual awaitable<left_descendants> end_descendants(pid_t life, std::string address) = 0;
};

}  // namespace supe
