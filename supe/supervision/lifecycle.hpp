// One process from start to end: which step follows which event. A state x event table, every cell filled. Pure.
#pragma once

#include "supe/async/clock.hpp"
#include "supe/process/exit_status.hpp"
#include "supe/supervision/child_spec.hpp"

#include <string>
#include <vector>

namespace supe {

/// One child's process. The thin loop in child.cpp gives it events and performs the actions, in order.
///
///     down --start--> starting --ready--> running --stop--> stopping --exited--> down
///                         \---------- exited, or start timed out ----------/
class lifecycle {
public:
    enum class state { down, starting, running, stopping };
    enum class event {
        start,        ///< the supervisor wants it to run
        spawned,      ///< the process exists
        spawn_failed, ///< it does not
        ready,        ///< it said so (COMPONENT-READY, READY=1)
        spoke,        ///< it sent one of contract §2's frames: it knows SUPE-SHUTDOWN
        alive,        ///< watchdog ping
        stop,         ///< the supervisor wants it to end; a second one while stopping: do not wait for ever
        kill,         ///< … and at once
        exited,       ///< the process is gone and its last words are read
        deadline,     ///< deadline() has passed
    };
    enum class action {
        spawn,
        report_started,       ///< notice `started`
        report_start_failed,  ///< notice `start-failed`; the supervisor decides
        report_ready,         ///< notice `ready`; the supervisor goes on
        ask_to_finish,        ///< send SUPE-SHUTDOWN
        send_stop_signal,     ///< stop_signal, then SIGCONT
        kill_group,           ///< SIGKILL to the whole group
        report_ended,         ///< the supervisor decides; asked_for() and failure() tell how it came to it
    };

    explicit lifecycle(const child_spec& spec);

    /// What to do now. Events that mean nothing in this state give no action.
    std::vector<action> on(event e, time_point now);

    state current() const { return state_; }
    /// When to come back with event::deadline; `never` where nothing is due.
    time_point deadline() const;
    /// The last end was asked for by stop or kill.
    bool asked_for() const { return asked_for_; }
    /// Why we killed it ourselves: "start timed out after 30s", "watchdog: no ping for 10s", or empty.
    const std::string& failure() const { return failure_; }
    /// It sent one of contract §2's frames in this life.
    bool has_spoken() const { return spoke_; }
    /// Down with nothing under way: a stop that arrives is done at once.
    bool is_down() const { return state_ == state::down; }

private:
    enum class step { none, signal_due, kill_due, wait };
    std::vector<action> begin_stop(time_point now);
    std::vector<action> on_deadline(time_point now);

    // The parts of the spec that matter here.
    ready_kind ready_kind_;
    milliseconds start_timeout_;
    shutdown_spec shutdown_;
    bool ask_;
    std::optional<milliseconds> watchdog_;

    state state_ = state::down;
    bool has_process_ = false;   // spawned and not yet exited
    bool spoke_ = false;         // in this life
    bool asked_for_ = false;
    std::string failure_;
    step step_ = step::none;     // the rung of the stop ladder that comes next
    time_point step_at_ = never;
    time_point kill_at_ = never;
    time_point start_by_ = never;
    time_point ping_by_ = never;
};

const char* name_of(lifecycle::state);

}  // namespace supe
