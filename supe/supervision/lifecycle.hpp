// One process from its start to its end: the actions that follow from an event. A table of state
// and event with every cell filled. Pure.
#pragma once

#include "supe/async/clock.hpp"
#include "supe/process/exit_status.hpp"
#include "supe/tree/child_spec.hpp"

#include <string>
#include <vector>

namespace supe {

/// The loop in child.cpp gives it events, and performs its actions in order.
///
///     down --start--> starting --ready--> running --stop--> stopping --exited--> down
///                         \---------- exited, or start timed out ----------/
///
/// The process is the first of its group. Its end is that of the life, but for a stop of the group,
/// which goes on until all of it have ended: `first_dead`, and later `exited`.
class lifecycle {
public:
    enum class state { down, starting, running, stopping };
    enum class event {
        start,         ///< the supervisor wants it to run
        spawned,       ///< the process exists
        spawn_failed,  ///< it could not be started
        ready,         ///< it sent COMPONENT-READY or READY=1
        spoke,         ///< it sent a frame of contract §2, so it knows SUPE-SHUTDOWN
        alive,         ///< watchdog ping (COMPONENT-ALIVE, WATCHDOG=1)
        finishing,     ///< it ends by itself (STOPPING=1): it sends no pings any more, and has the
                       ///< time `shutdown`
        channel_closed,  ///< it closed its end of the channel, without SUPE-SHUTDOWN: that does not
                         ///< reach it any more
        stop,  ///< the supervisor wants it to end; a second one sends the signal that `infinity`
               ///< holds back
        kill,  ///< the supervisor wants it to end at once
        first_dead,  ///< the process is dead; others of its group live, and gives_time_to_group()
        stop_command_done,    ///< `stop_command` ended with 0
        stop_command_failed,  ///< it could not be started, or ended any other way
        refused,              ///< a signal of ours was: the process runs as another user
        exited,               ///< all is over: the process is reaped and its last words are read
        deadline,             ///< deadline() has passed
    };
    enum class action {
        spawn,
        report_started,       ///< notice `started`
        report_start_failed,  ///< notice `start-failed`; the supervisor decides
        report_ready,         ///< notice `ready`; the supervisor starts the next child
        ask_to_finish,        ///< send SUPE-SHUTDOWN
        run_stop_command,     ///< `stop_command`; its end is an event
        send_stop_signal,     ///< stop_signal, then SIGCONT; to the group where stops_group()
        abort,       ///< SIGABRT, then SIGCONT: after the watchdog, so that there is a core dump
        kill_group,  ///< SIGKILL to the whole group
        report_refused,    ///< a line of log: the process may not be signalled
        abandon,           ///< go on without it: it may not be killed, and the tree ends
        report_slow_stop,  ///< a line of log; kill_at() and was_killed() are part of it
        report_ended,      ///< the supervisor decides; asked_for() and failure() have the reason
    };

    explicit lifecycle(const child_spec& spec);

    /// The actions that follow now. An event without meaning in this state has no action.
    std::vector<action> on(event e, time_point now);

    state current() const { return state_; }
    /// When event::deadline is due; `never` when there is no deadline.
    time_point deadline() const;
    /// While stopping: when SIGKILL is due; `never` without a limit, or when it was sent.
    time_point kill_at() const { return kill_at_; }
    /// SIGKILL was sent in this life.
    bool was_killed() const { return killed_; }
    /// The last end was requested by stop or kill.
    bool asked_for() const { return asked_for_; }
    /// Why we ended the process ourselves: "start timed out after 30s", "watchdog: no ping for
    /// 10s"; else empty.
    const std::string& failure() const { return failure_; }
    /// `kill_mode` is group: a stop that is asked for is for all processes of the group.
    bool stops_group() const { return stops_group_; }
    /// The stop signal of this life: a spec that changes in between is for the next one.
    int stop_signal() const { return stop_signal_; }
    /// Where the process is dead: others of its group have what is left of `shutdown`. Else they
    /// are killed now.
    bool gives_time_to_group() const;
    /// Where the process is dead: its stop command, which runs still, has what is left of
    /// `shutdown`. Else it is killed now.
    bool gives_time_to_command() const { return command_runs_ && !killed_; }
    /// While stopping: it may not be signalled, and no further signal is to come. It ends when it
    /// wants to.
    bool is_untouchable() const { return refused_ && kill_at_ == never; }
    /// It sent a frame of contract §2 in this life.
    bool has_spoken() const { return spoke_; }

    /// A stop that takes longer is reported.
    static constexpr milliseconds slow_stop = std::chrono::seconds(2);
    /// The time between SIGABRT and SIGKILL when `shutdown` has no limit.
    static constexpr milliseconds abort_limit = std::chrono::seconds(8);

private:
    std::vector<action> when_down(event e, time_point now);
    std::vector<action> when_starting(event e, time_point now);
    std::vector<action> when_running(event e, time_point now);
    std::vector<action> when_stopping(event e, time_point now);
    std::vector<action> begin_stop(time_point now);
    std::vector<action> begin_kill(time_point now);
    std::vector<action> begin_forced_kill(time_point now);
    std::vector<action> begin_abort(std::string why, time_point now);
    std::vector<action> send_signal();
    void begin_stopping(time_point now);
    /// The stop ladder of contract §5.
    std::vector<action> next_rung(time_point now);
    /// It gets SUPE-SHUTDOWN, and may act on it.
    bool knows_shutdown() const { return (spoke_ || ask_) && !channel_closed_; }
    void become_ready(time_point now);
    void down();
    void clear_deadlines();

    // From the spec.
    ready_kind ready_kind_;
    milliseconds start_timeout_;
    shutdown_spec shutdown_;
    bool ask_;
    bool stops_group_;
    bool has_stop_command_;
    int stop_signal_;
    std::optional<milliseconds> watchdog_;

    state state_ = state::down;
    bool spoke_ = false;  // in this life, as are all below
    bool ready_ = false;
    bool asked_for_ = false;
    bool finishing_ = false;
    bool signal_sent_ = false;
    bool killed_ = false;
    bool command_runs_ = false;
    bool commanded_ = false;  // its stop command runs, or has ended well
    bool channel_closed_ = false;
    bool refused_ = false;
    bool forced_ = false;  // by a `kill`: nothing may hold up this end
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
