// How a process ended: code and signal told apart everywhere (contract §4 `exit`).
#pragma once

#include <string>

namespace supe {

struct exit_status {
    int code = 0;       ///< exit code, where signal is 0
    int signal = 0;     ///< the signal that killed it, or 0
    bool core = false;  ///< it left a core dump

    static exit_status exited(int code) { return {code, 0, false}; }
    static exit_status killed(int signal, bool core = false) { return {0, signal, core}; }
    /// From the status that waitpid gave.
    static exit_status from_wait(int wait_status);

    /// `{"code":N}` or `{"signal":"SIGKILL","core":BOOL}`.
    std::string json() const;
    /// `exit code 3`, `SIGSEGV (core dumped)`.
    std::string text() const;

    friend bool operator==(const exit_status&, const exit_status&) = default;
};

/// `SIGTERM` for 15; `SIGRTMIN+3` and the like for real-time ones.
std::string signal_name(int signal);
/// 15 for `SIGTERM`, `TERM` or `15`; 0 for what is none.
int signal_number(const std::string& name);

}  // namespace supe
