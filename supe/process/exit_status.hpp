// How a process ended: by an exit code or by a signal (contract §4 `exit`).
#pragma once

#include <string>

namespace supe {

struct exit_status {
    int code = 0;       ///< the exit code, when signal is 0
    int signal = 0;     ///< the signal that killed it, or 0
    bool core = false;  ///< it dumped core

    static exit_status exited(int code) { return {code, 0, false}; }
    static exit_status killed(int signal, bool core = false) { return {0, signal, core}; }
    /// From the status of waitpid.
    static exit_status from_wait(int wait_status);

    /// `{"code":N}` or `{"signal":"SIGKILL","core":BOOL}`.
    std::string json() const;
    /// `exit code 3`, `SIGSEGV (core dumped)`.
    std::string text() const;

    friend bool operator==(const exit_status&, const exit_status&) = default;
};

/// `SIGTERM` for 15; `SIGRTMIN+3` and the like for real-time ones.
std::string signal_name(int signal);
/// 15 for `SIGTERM`, `TERM` or `15`; 0 for an unknown name.
int signal_number(const std::string& name);

}  // namespace supe
