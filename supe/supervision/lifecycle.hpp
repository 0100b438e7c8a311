// One process from start to end: which step follows which event. A state x event table, every cell
// filled. Pure.
#pragma once

#include "supe/async/clock.hpp"
#include "supe/process/exit_status.hpp"
#include "supe/tree/child_spec.hpp"

#include <string>
#include <vector>

namespace supe {

/// One child's process. The thin loop in child.cpp gives it events and performs the actions, in
/// order.
///
///     down --start--> starting --ready--> running --stop--> stopping --exited--> down
///                         \---------- exited, or start timed out ----------/
class lifecycle {
public:
    enum class state { down, starting, running, stopping };
    enum class event {
        start,         ///< the supervisor wants it to run
        spawned,       ///< the process exists
        spawn_failed,  ///< it does not
        ready,         ///< it said so (COMPONENT-READY, READY=1)
        spoke,         ///< it sent one of contract §2's frames: it knows SUPE-SHUTDOWN
        alive,         ///< watchdog ping (COMPONENT-ALIVE, WATCHDOG=1)
        finishing,  ///< it ends of itself (STOPPING=1): it pings no more, and has `shutdown` for it
        stop,      ///< the supervisor wants it to end; a second one while stopping: do not wait for
                   ///< ever
        kill,      ///< … and at once
        exited,    ///< the process is gone and its last words are read
        deadline,  ///< deadline() has passed
    };
    enum class action {
        spawn,
        report_started,       ///< notice `started`
        report_start_failed,  ///< notice `start-failed`; the supervisor decides
        report_ready,         ///< notice `ready`; the supervisor goes on
        ask_to_finish,        ///< send SUPE-SHUTDOWN
        send_stop_signal,     ///< stop_signal, then SIGCONT
        abort,  ///< SIGABRT, then SIGCONT: the watchdog's way, so that there is a core to look at
        kill_group,        ///< SIGKILL to the whole group
        report_slow_stop,  ///< a line of log: who is waited for; kill_at() and was_killed() say how
                           ///< long
        report_ended,  ///< the supervisor decides; asked_for() and failure() tell how it came to it
    };

    explicit lifecycle(const child_spec& spec);

    /// What to do now. Events that mean nothing in this state give no action.
    std::vector<action> on(event e, time_point now);

    state current() const { return state_; }
    /// When to come back with event::deadline; `never` where nothing is due.
    time_point deadline() const;
    /// While stopping: when SIGKILL is due, `never` where it is not or has been sent.
    time_point kill_at() const { return kill_at_; }
    /// SIGKILL was sent in this life.
    bool was_killed() const { return killed_; }
    /// The last end was asked for by stop or kill.
    bool asked_for() const { return asked_for_; }
    /// Why we ended it ourselves: "start timed out after 30s", "watchdog: no ping for 10s", or
    /// empty.
    const std::string& failure() const { return failure_; }
    /// It sent one of contract §2's frames in this life.
    bool has_spoken() const { return spoke_; }

    /// The time that a stop takes before it is told, and that the watchdog's SIGABRT gets where
    /// `shutdown` sets no limit.
    static constexpr milliseconds slow_stop = std::chrono::seconds(2);
    static constexpr milliseconds abort_limit = std::chrono::seconds(8);

private:
    std::vector<action> when_down(event e, time_point now);
    std::vector<action> when_starting(event e, time_point now);
    std::vector<action> when_running(event e, time_point now);
    std::vector<action> when_stopping(event e, time_point now);
    std::vector<action> begin_stop(time_point now);
    std::vector<action> begin_kill(time_point now);
    std::vector<action> begin_abort(std::string why, time_point now);
    void begin_stopping(time_point now);
    /// The stop ladder of contract §5.
    std::vector<action> next_rung(time_point now);
    void become_ready(time_point now);
    void down();
    void clear_deadlines();

    // The parts of the spec that matter here.
    ready_kind ready_kind_;
    milliseconds start_timeout_;
    shutdown_spec shutdown_;
    bool ask_;
    std::optional<milliseconds> watchdog_;

    state state_ = state::down;
    bool spoke_ = false;  // in this life, as are all below
    bool ready_ = false;
    bool asked_for_ = false;
    bool finishing_ = false;
    bool signal_sent_ = false;
    bool killed_ = false;
    std::string failure_;
    time_point start_by_ = never;
    time_point ping_by_ = never;
    time_point signal_at_ = never;
    time_point kill_at_ = never;
    time_point report_at_ = never;
    milliseconds report_again_{};
};

const char* name_of(lifecycle::state);

}  // namespace supe
