// How one life of a child ended. A child reports it to its supervisor. Pure.
#pragma once

#include "supe/process/exit_status.hpp"
#include "supe/process/launcher.hpp"
#include "supe/tree/child_spec.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace supe {

struct child_end {
    std::optional<exit_status> exit;    ///< without a value when no process was started
    std::optional<launch_error> error;  ///< why no process was started, or ended before it was
                                        ///< ready though it should not
    std::string failure;                ///< why we ended it ourselves ("start timed out after 30s")
    bool clean = false;      ///< contract §1: an exit code in `clean_exits`, or requested
    bool asked_for = false;  ///< by a stop, restart, removal or group restart
    bool was_ready = false;
    bool left_processes = false;  ///< it exited of itself with a clean code, and others of its
                                  ///< group or session, or escaped ones, lived on: a daemon
    std::chrono::milliseconds lasted{};

    /// The start failed (notice `start-failed`): there was no process, or we ended it before it was
    /// ready.
    bool never_started() const { return error || (!was_ready && !failure.empty()); }
    /// For people: `exit code 3`, `SIGSEGV (core dumped)`, `start timed out after 30s`,
    /// `web.js: No such file or directory`.
    std::string text() const {
        if (error) return error->text;
        if (!failure.empty()) return failure;
        return exit ? exit->text() : "left behind: it may not be signalled";
    }
};

/// Contract §5, Nothing to do (OTP: init returns `ignore`): an end that is clean, and before the
/// child was ready. For a permanent child it is a failed start. A demand child is idle after any
/// clean end.
inline bool had_nothing_to_do(const child_spec& spec, bool clean, bool was_ready) {
    return clean && !was_ready && (spec.restart != restart_type::permanent || spec.demand);
}

}  // namespace supe
