// How one life of a child ended: one value, from the child to its supervisor. Pure.
#pragma once

#include "supe/process/exit_status.hpp"
#include "supe/process/launcher.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace supe {

struct child_end {
    std::optional<exit_status> exit;    ///< none where no process came to be
    std::optional<launch_error> error;  ///< why none came to be
    std::string failure;                ///< why we ended it ourselves ("start timed out after 30s")
    bool clean = false;      ///< contract §1: an exit code in `clean_exits`, or asked for
    bool asked_for = false;  ///< by a stop, restart, removal or group restart
    bool was_ready = false;
    std::chrono::milliseconds lasted{};

    /// It never ran as it should (notice `start-failed`): no process, or ended by us before it was
    /// ready.
    bool never_started() const { return error || (!was_ready && !failure.empty()); }
    /// For people: `exit code 3`, `SIGSEGV (core dumped)`, `start timed out after 30s`,
    /// `web.js: No such file or directory`.
    std::string text() const {
        if (error) return error->text;
        if (!failure.empty()) return failure;
        return exit ? exit->text() : "unknown";
    }
};

}  // namespace supe
