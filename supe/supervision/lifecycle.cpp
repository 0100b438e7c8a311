// The life of one process: down, starting, running, stopping, down. Each when_…() is one row of the
// table of state and event.
//
// The stop ladder (contract §5), in begin_stop() and next_rung():
//
// - At once: SUPE-SHUTDOWN. A process that never sent a frame of ours, or has closed its channel,
//   gets the stop signal at once too, with its group.
// - At half of `shutdown`: the stop signal, to a process that sent a frame, or has `ask`. Earlier
//   when it closes its channel without having read SUPE-SHUTDOWN, or when it ends and leaves others
//   of its group, who do not know of the stop.
// - At `shutdown`: SIGKILL to the group.
//
// With `stop_command` the command runs at once instead, where the child was ready, and the signal
// comes at half of `shutdown`, or when the command fails. The command is killed with the group.
//
// The stop is over when the group is. With `kill_mode` mixed the first process alone gets the
// signal, and what it leaves is killed at its end, as by systemd.
//
// `"kill"` begins with SIGKILL. `"infinity"` has no SIGKILL, and the stop signal that waits for
// half of the time waits for a second stop instead. A start that times out gets SIGKILL at once. A
// watchdog without a ping gets SIGABRT, and SIGKILL after the time of a stop. A slow stop is
// reported after 2 s, then after twice as long each time.
#include "supe/supervision/lifecycle.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <utility>

namespace supe {
namespace {

std::string shown(milliseconds d) { return fmt::format("{:g}s", in_seconds(d)); }

}  // namespace

lifecycle::lifecycle(const child_spec& spec)
    : ready_kind_(spec.ready), start_timeout_(spec.start_timeout), shutdown_(spec.shutdown),
      ask_(spec.ask), stops_group_(spec.kill_mode == kill_mode_kind::group),
      has_stop_command_(!spec.stop_command->empty()), stop_signal_(spec.stop_signal),
      watchdog_(spec.watchdog) {}

std::vector<lifecycle::action> lifecycle::on(event e, time_point now) {
    switch (state_) {
        case state::down: return when_down(e, now);
        case state::starting: return when_starting(e, now);
        case state::running: return when_running(e, now);
        case state::stopping: return when_stopping(e, now);
    }
    return {};
}

std::vector<lifecycle::action> lifecycle::when_down(event e, time_point now) {
    switch (e) {
        case event::start:
            state_ = state::starting;
            spoke_ = asked_for_ = ready_ = finishing_ = signal_sent_ = killed_ = false;
            command_runs_ = commanded_ = refused_ = forced_ = channel_closed_ = false;
            failure_.clear();
            start_by_ = now + start_timeout_;
            return {action::spawn};
        case event::spawned:
        case event::spawn_failed:
        case event::ready:
        case event::spoke:
        case event::alive:
        case event::finishing:
        case event::channel_closed:
        case event::stop:
        case event::kill:
        case event::first_dead:
        case event::stop_command_done:
        case event::stop_command_failed:
        case event::refused:
        case event::exited:
        case event::deadline: return {};
    }
    return {};
}

std::vector<lifecycle::action> lifecycle::when_starting(event e, time_point now) {
    switch (e) {
        case event::start: return {};
        case event::spawned:
            if (ready_kind_ != ready_kind::started) return {action::report_started};
            become_ready(now);
            return {action::report_started, action::report_ready};
        case event::spawn_failed: down(); return {action::report_start_failed};
        case event::ready: become_ready(now); return {action::report_ready};
        case event::spoke: spoke_ = true; return {};
        case event::channel_closed: channel_closed_ = true; return {};
        case event::alive:
        case event::finishing:
        case event::first_dead:
        case event::stop_command_done:
        case event::stop_command_failed:
        case event::refused: return {};
        case event::stop: return begin_stop(now);
        case event::kill: return begin_forced_kill(now);
        case event::exited: down(); return {action::report_ended};
        case event::deadline:
            if (now < start_by_) return {};
            failure_ = "start timed out after " + shown(start_timeout_);
            return begin_kill(now);
    }
    return {};
}

std::vector<lifecycle::action> lifecycle::when_running(event e, time_point now) {
    switch (e) {
        case event::start:
        case event::spawned:
        case event::spawn_failed:
        case event::ready:
        case event::first_dead:
        case event::stop_command_done:
        case event::stop_command_failed:
        case event::refused: return {};
        case event::spoke: spoke_ = true; return {};
        case event::channel_closed: channel_closed_ = true; return {};
        case event::alive:
            if (watchdog_ && !finishing_) ping_by_ = now + *watchdog_;
            return {};
        case event::finishing:
            finishing_ = true;
            ping_by_ = shutdown_.limit && !shutdown_.at_once() ? now + *shutdown_.limit : never;
            return {};
        case event::stop: return begin_stop(now);
        case event::kill: return begin_forced_kill(now);
        case event::exited: down(); return {action::report_ended};
        case event::deadline:
            if (now < ping_by_) return {};
            if (!finishing_) return begin_abort("watchdog: no ping for " + shown(*watchdog_), now);
            return begin_abort(
                "it sent STOPPING=1 and did not end within " + shown(*shutdown_.limit), now);
    }
    return {};
}

std::vector<lifecycle::action> lifecycle::when_stopping(event e, time_point now) {
    switch (e) {
        case event::start:
        case event::spawned:
        case event::ready:
        case event::alive:
        case event::finishing: return {};
        case event::spawn_failed: down(); return {action::report_ended};
        case event::spoke: spoke_ = true; return {};
        case event::channel_closed:  // it was asked in vain
            channel_closed_ = true;
            if (asked_for_ && !killed_ && !commanded_) return send_signal();
            return {};
        case event::stop:  // the second stop: with `infinity` the signal is sent now
            if (failure_.empty()) asked_for_ = true;
            if (shutdown_.limit) return {};
            command_runs_ = false;  // nobody waits for it any more
            return send_signal();
        case event::kill: return begin_forced_kill(now);
        case event::first_dead:  // those that are left may not know of the stop
            if (!gives_time_to_group()) return {};
            return send_signal();
        case event::stop_command_done: command_runs_ = false; return {};
        case event::stop_command_failed:
            commanded_ = false;
            if (!std::exchange(command_runs_, false) || knows_shutdown()) return {};
            return send_signal();
        case event::refused:
            refused_ = true;
            if (forced_) return {action::abandon, action::report_refused};
            return {action::report_refused};
        case event::exited: {
            const bool never_ready = !failure_.empty() && !ready_;
            down();
            return {never_ready ? action::report_start_failed : action::report_ended};
        }
        case event::deadline: return next_rung(now);
    }
    return {};
}

void lifecycle::begin_stopping(time_point now) {
    clear_deadlines();
    state_ = state::stopping;
    report_again_ = slow_stop;
    report_at_ = now + report_again_;
}

std::vector<lifecycle::action> lifecycle::begin_stop(time_point now) {
    if (shutdown_.at_once()) return begin_kill(now);
    begin_stopping(now);
    asked_for_ = true;
    if (shutdown_.limit) kill_at_ = now + *shutdown_.limit;
    command_runs_ = commanded_ = has_stop_command_ && ready_;
    if (!knows_shutdown() && !command_runs_) {
        signal_sent_ = true;
        return {action::ask_to_finish, action::send_stop_signal};
    }
    if (shutdown_.limit) signal_at_ = now + *shutdown_.limit / 2;
    if (command_runs_) return {action::ask_to_finish, action::run_stop_command};
    return {action::ask_to_finish};
}

std::vector<lifecycle::action> lifecycle::begin_forced_kill(time_point now) {
    forced_ = true;
    return begin_kill(now);
}

std::vector<lifecycle::action> lifecycle::begin_kill(time_point now) {
    if (failure_.empty()) asked_for_ = true;
    if (state_ != state::stopping) begin_stopping(now);
    kill_at_ = signal_at_ = never;
    killed_ = true;
    return {action::kill_group};
}

/// A stop without SUPE-SHUTDOWN, because the process does not respond. It has the time of a stop to
/// dump core.
std::vector<lifecycle::action> lifecycle::begin_abort(std::string why, time_point now) {
    failure_ = std::move(why);
    if (shutdown_.at_once()) return begin_kill(now);
    begin_stopping(now);
    signal_sent_ = true;
    kill_at_ = now + shutdown_.limit.value_or(abort_limit);
    return {action::abort};
}

std::vector<lifecycle::action> lifecycle::next_rung(time_point now) {
    std::vector<action> out;
    if (now >= kill_at_) {
        kill_at_ = signal_at_ = never;
        killed_ = true;
        out.push_back(action::kill_group);
    } else if (now >= signal_at_) {
        out = send_signal();
    }
    if (now >= report_at_) {
        report_again_ *= 2;
        report_at_ = now + report_again_;
        out.push_back(action::report_slow_stop);
    }
    return out;
}

/// Once in a stop.
std::vector<lifecycle::action> lifecycle::send_signal() {
    signal_at_ = never;
    if (std::exchange(signal_sent_, true)) return {};
    return {action::send_stop_signal};
}

bool lifecycle::gives_time_to_group() const {
    return state_ == state::stopping && stops_group_ && asked_for_ && failure_.empty() && !killed_;
}

void lifecycle::become_ready(time_point now) {
    state_ = state::running;
    ready_ = true;
    clear_deadlines();
    if (watchdog_) ping_by_ = now + *watchdog_;
}

void lifecycle::down() {
    state_ = state::down;
    clear_deadlines();
}

void lifecycle::clear_deadlines() {
    start_by_ = ping_by_ = signal_at_ = kill_at_ = report_at_ = never;
}

time_point lifecycle::deadline() const {
    return std::min({start_by_, ping_by_, signal_at_, kill_at_, report_at_});
}

const char* name_of(lifecycle::state s) {
    switch (s) {
        case lifecycle::state::down: return "down";
        case lifecycle::state::starting: return "starting";
        case lifecycle::state::running: return "running";
        case lifecycle::state::stopping: return "stopping";
    }
    return "unknown";
}

}  // namespace supe
