// Where `supe doctor` writes, so that nothing of it is left. Everything here blocks.
#pragma once

#include "supe/async/unique_fd.hpp"

#include <csignal>
#include <filesystem>
#include <string>

namespace components {

/// While it lives, the signals that end a command by hand or at a stop wait: SIGHUP, SIGINT,
/// SIGQUIT, SIGTERM. Its destructor lets them through, and the first one ends the process as usual.
/// Ignored ones (`nohup`) stay so.
class held_signals {
public:
    held_signals();
    ~held_signals();
    held_signals(const held_signals&) = delete;
    held_signals& operator=(const held_signals&) = delete;

    /// Whether one waits: the work should end.
    static bool waiting();

private:
    sigset_t before_{};
};

/// A new folder `doctor.XXXXXX` in a directory, removed with its files at the end. A folder that an
/// earlier doctor of this user left when it was killed is removed too: one that lives locks its
/// own (flock). Throws std::system_error.
class scratch {
public:
    explicit scratch(const std::filesystem::path& in);
    ~scratch();
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;

    std::filesystem::path operator/(const char* name) const { return path_ / name; }

private:
    std::filesystem::path path_;
    supe::unique_fd locked_;
};

}  // namespace components
