// The table of one process: each cell of state and event, and the stop ladders. No loop, no clock.
#include "supe/supervision/lifecycle.hpp"

#include <boost/test/unit_test.hpp>
#include <ostream>

using namespace std::chrono_literals;
using supe::child_spec;
using machine = supe::lifecycle;  // the suite is named lifecycle
using supe::never;
using supe::time_point;
using action = machine::action;
using event = machine::event;
using state = machine::state;
using actions = std::vector<action>;

namespace supe {

std::ostream& operator<<(std::ostream& out, lifecycle::action a) {
    static constexpr const char* names[] = {"spawn",
                                            "report_started",
                                            "report_start_failed",
                                            "report_ready",
                                            "ask_to_finish",
                                            "run_stop_command",
                                            "send_stop_signal",
                                            "abort",
                                            "kill_group",
                                            "report_refused",
                                            "abandon",
                                            "report_slow_stop",
                                            "report_ended"};
    return out << names[static_cast<int>(a)];
}

std::ostream& operator<<(std::ostream& out, lifecycle::state s) { return out << name_of(s); }

}  // namespace supe

namespace {

const time_point t0 = time_point{} + 1h;

void expect(machine& l, event e, time_point now, const actions& expected) {
    const actions got = l.on(e, now);
    BOOST_TEST(got == expected, boost::test_tools::per_element());
}

child_spec stopped_by_signal() {
    child_spec spec;
    spec.ready = supe::ready_kind::signal;
    return spec;
}

/// In state `s` at t0, by the shortest way.
machine in_state(state s, const child_spec& spec = stopped_by_signal()) {
    machine l(spec);
    if (s == state::down) return l;
    l.on(event::start, t0);
    if (s == state::starting) return l;
    l.on(event::spawned, t0);
    l.on(event::ready, t0);
    if (s == state::stopping) l.on(event::stop, t0);
    BOOST_TEST(l.current() == s);
    return l;
}

struct cell {
    event e;
    actions does;
    state next;
};

void expect_row(state from, const std::vector<cell>& row) {
    BOOST_TEST(row.size() == 16u, "a cell of the row is missing");
    for (const cell& c : row) {
        BOOST_TEST_CONTEXT("state " << from << ", event " << static_cast<int>(c.e)) {
            machine l = in_state(from);
            expect(l, c.e, t0, c.does);
            BOOST_TEST(l.current() == c.next);
        }
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lifecycle)

// The four rows of the table, every cell: the actions and the next state. No deadline is due here.
BOOST_AUTO_TEST_CASE(every_cell) {
    using enum supe::lifecycle::event;
    using enum supe::lifecycle::action;
    expect_row(state::down, {{start, {spawn}, state::starting},
                             {spawned, {}, state::down},
                             {spawn_failed, {}, state::down},
                             {ready, {}, state::down},
                             {spoke, {}, state::down},
                             {alive, {}, state::down},
                             {finishing, {}, state::down},
                             {channel_closed, {}, state::down},
                             {stop, {}, state::down},
                             {kill, {}, state::down},
                             {first_dead, {}, state::down},
                             {stop_command_done, {}, state::down},
                             {stop_command_failed, {}, state::down},
                             {refused, {}, state::down},
                             {exited, {}, state::down},
                             {deadline, {}, state::down}});
    expect_row(state::starting, {{start, {}, state::starting},
                                 {spawned, {report_started}, state::starting},
                                 {spawn_failed, {report_start_failed}, state::down},
                                 {ready, {report_ready}, state::running},
                                 {spoke, {}, state::starting},
                                 {alive, {}, state::starting},
                                 {finishing, {}, state::starting},
                                 {channel_closed, {}, state::starting},
                                 {stop, {ask_to_finish, send_stop_signal}, state::stopping},
                                 {kill, {kill_group}, state::stopping},
                                 {first_dead, {}, state::starting},
                                 {stop_command_done, {}, state::starting},
                                 {stop_command_failed, {}, state::starting},
                                 {refused, {}, state::starting},
                                 {exited, {report_ended}, state::down},
                                 {deadline, {}, state::starting}});
    expect_row(state::running, {{start, {}, state::running},
                                {spawned, {}, state::running},
                                {spawn_failed, {}, state::running},
                                {ready, {}, state::running},
                                {spoke, {}, state::running},
                                {alive, {}, state::running},
                                {finishing, {}, state::running},
                                {channel_closed, {}, state::running},
                                {stop, {ask_to_finish, send_stop_signal}, state::stopping},
                                {kill, {kill_group}, state::stopping},
                                {first_dead, {}, state::running},
                                {stop_command_done, {}, state::running},
                                {stop_command_failed, {}, state::running},
                                {refused, {}, state::running},
                                {exited, {report_ended}, state::down},
                                {deadline, {}, state::running}});
    expect_row(state::stopping, {{start, {}, state::stopping},
                                 {spawned, {}, state::stopping},
                                 {spawn_failed, {report_ended}, state::down},
                                 {ready, {}, state::stopping},
                                 {spoke, {}, state::stopping},
                                 {alive, {}, state::stopping},
                                 {finishing, {}, state::stopping},
                                 {channel_closed, {}, state::stopping},
                                 {stop, {}, state::stopping},
                                 {kill, {kill_group}, state::stopping},
                                 {first_dead, {}, state::stopping},
                                 {stop_command_done, {}, state::stopping},
                                 {stop_command_failed, {}, state::stopping},
                                 {refused, {report_refused}, state::stopping},
                                 {exited, {report_ended}, state::down},
                                 {deadline, {}, state::stopping}});
}

// `ready: started`: the process is ready as soon as it runs.
BOOST_AUTO_TEST_CASE(started_is_ready) {
    machine l{child_spec{}};
    expect(l, event::start, t0, {action::spawn});
    expect(l, event::spawned, t0, {action::report_started, action::report_ready});
    BOOST_TEST(l.current() == state::running);
    BOOST_TEST((l.deadline() == never));
}

// A child that never sent a frame gets its signal at once, and its group gets SIGKILL at
// `shutdown`, not before.
BOOST_AUTO_TEST_CASE(ladder_without_frames) {
    machine l = in_state(state::running);
    expect(l, event::stop, t0, {action::ask_to_finish, action::send_stop_signal});
    BOOST_TEST((l.kill_at() == t0 + 8s));
    BOOST_TEST((l.deadline() == t0 + 2s));
    expect(l, event::deadline, t0 + 2s, {action::report_slow_stop});
    expect(l, event::deadline, t0 + 6s, {action::report_slow_stop});
    BOOST_TEST((l.deadline() == t0 + 8s));
    BOOST_TEST(!l.was_killed());
    expect(l, event::deadline, t0 + 8s, {action::kill_group});
    BOOST_TEST(l.was_killed());
    BOOST_TEST((l.kill_at() == never));
    expect(l, event::exited, t0 + 9s, {action::report_ended});
    BOOST_TEST(l.asked_for());
    BOOST_TEST(l.failure().empty());
    BOOST_TEST((l.deadline() == never));
}

// A child that sent a frame gets SUPE-SHUTDOWN first, and its signal at half the time; `ask` does
// this for any child.
BOOST_AUTO_TEST_CASE(ladder_with_frames) {
    child_spec asked;
    asked.ask = true;
    for (const bool by_frame : {true, false}) {
        machine l = in_state(state::running, by_frame ? stopped_by_signal() : asked);
        if (by_frame) l.on(event::spoke, t0);
        expect(l, event::stop, t0, {action::ask_to_finish});
        expect(l, event::deadline, t0 + 2s, {action::report_slow_stop});
        expect(l, event::deadline, t0 + 4s, {action::send_stop_signal});
        expect(l, event::deadline, t0 + 6s, {action::report_slow_stop});
        expect(l, event::deadline, t0 + 8s, {action::kill_group});
    }
}

// A frame of an earlier life does not count: the new process may be another program.
BOOST_AUTO_TEST_CASE(frames_of_an_earlier_life) {
    machine l = in_state(state::running);
    l.on(event::spoke, t0);
    BOOST_TEST(l.has_spoken());
    l.on(event::exited, t0);
    l.on(event::start, t0);
    BOOST_TEST(!l.has_spoken());
    expect(l, event::stop, t0, {action::ask_to_finish, action::send_stop_signal});
}

// `infinity`: never SIGKILL; the second stop sends the signal, once.
BOOST_AUTO_TEST_CASE(infinity_waits_for_a_second_stop) {
    child_spec spec = stopped_by_signal();
    spec.shutdown.limit.reset();
    machine l = in_state(state::running, spec);
    l.on(event::spoke, t0);
    expect(l, event::stop, t0, {action::ask_to_finish});
    BOOST_TEST((l.kill_at() == never));
    expect(l, event::deadline, t0 + 100h, {action::report_slow_stop});
    expect(l, event::stop, t0 + 100h, {action::send_stop_signal});
    expect(l, event::stop, t0 + 100h, {});
    expect(l, event::kill, t0 + 100h, {action::kill_group});
}

// A stop is for the whole group: when its first process ends, those that are left have what remains
// of `shutdown`. They get the signal now, where it is not sent yet.
BOOST_AUTO_TEST_CASE(a_group_has_the_time_of_a_stop) {
    machine signalled = in_state(state::stopping);
    BOOST_TEST(signalled.gives_time_to_group());
    expect(signalled, event::first_dead, t0 + 1s, {});
    BOOST_TEST(signalled.gives_time_to_group());
    BOOST_TEST((signalled.kill_at() == t0 + 8s));
    expect(signalled, event::exited, t0 + 2s, {action::report_ended});
    BOOST_TEST(signalled.asked_for());

    machine asked = in_state(state::running);
    asked.on(event::spoke, t0);
    expect(asked, event::stop, t0, {action::ask_to_finish});
    expect(asked, event::first_dead, t0 + 1s, {action::send_stop_signal});
    expect(asked, event::deadline, t0 + 4s, {action::report_slow_stop});
    expect(asked, event::deadline, t0 + 8s, {action::kill_group, action::report_slow_stop});
    BOOST_TEST(!asked.gives_time_to_group());

    child_spec endless = stopped_by_signal();
    endless.shutdown.limit.reset();
    machine patient = in_state(state::running, endless);
    patient.on(event::spoke, t0);
    patient.on(event::stop, t0);
    expect(patient, event::first_dead, t0 + 1s, {action::send_stop_signal});
    expect(patient, event::stop, t0 + 2s, {});
    BOOST_TEST((patient.kill_at() == never));
    BOOST_TEST(patient.gives_time_to_group());
    expect(patient, event::kill, t0 + 3s, {action::kill_group});
    BOOST_TEST(!patient.gives_time_to_group());
}

// No time has the group at any other end, after SIGKILL, and with `kill_mode` mixed.
BOOST_AUTO_TEST_CASE(a_group_has_no_time_but_in_a_stop) {
    for (const state s : {state::down, state::starting, state::running})
        BOOST_TEST(!in_state(s).gives_time_to_group());

    machine killed = in_state(state::running);
    killed.on(event::kill, t0);
    BOOST_TEST(!killed.gives_time_to_group());

    child_spec watched = stopped_by_signal();
    watched.watchdog = 1s;
    machine silent = in_state(state::running, watched);
    expect(silent, event::deadline, t0 + 1s, {action::abort});
    BOOST_TEST(!silent.gives_time_to_group());
    expect(silent, event::first_dead, t0 + 1s, {});

    child_spec mixed = stopped_by_signal();
    mixed.kill_mode = supe::kill_mode_kind::mixed;
    machine alone = in_state(state::running, mixed);
    alone.on(event::spoke, t0);
    alone.on(event::stop, t0);
    BOOST_TEST(!alone.stops_group());
    BOOST_TEST(!alone.gives_time_to_group());
    expect(alone, event::first_dead, t0 + 1s, {});
}

// `kill`: SIGKILL without SUPE-SHUTDOWN. A kill during a stop is SIGKILL too, and ends the ladder.
BOOST_AUTO_TEST_CASE(kill_is_at_once) {
    child_spec spec = stopped_by_signal();
    spec.shutdown.limit = 0ms;
    machine l = in_state(state::running, spec);
    expect(l, event::stop, t0, {action::kill_group});
    BOOST_TEST(l.asked_for());

    machine slow = in_state(state::stopping);
    expect(slow, event::kill, t0 + 1s, {action::kill_group});
    BOOST_TEST((slow.kill_at() == never));
    expect(slow, event::deadline, t0 + 2s, {action::report_slow_stop});
}

// A slow stop is reported after 2 s, then at growing intervals, as long as it lasts.
BOOST_AUTO_TEST_CASE(slow_stops_are_reported_less_and_less) {
    child_spec spec = stopped_by_signal();
    spec.shutdown.limit.reset();
    machine l = in_state(state::stopping, spec);
    for (const auto at : {2s, 6s, 14s, 30s, 62s}) {
        BOOST_TEST((l.deadline() == t0 + at));
        expect(l, event::deadline, t0 + at, {action::report_slow_stop});
    }
}

// Not ready in time: killed, and a failed start. A stop meanwhile does not make it a clean end.
BOOST_AUTO_TEST_CASE(start_timeout) {
    machine l = in_state(state::starting);
    l.on(event::spawned, t0);
    BOOST_TEST((l.deadline() == t0 + 30s));
    expect(l, event::deadline, t0 + 29s, {});
    expect(l, event::deadline, t0 + 30s, {action::kill_group});
    BOOST_TEST(l.failure() == "start timed out after 30s");
    expect(l, event::stop, t0 + 30s, {});
    expect(l, event::exited, t0 + 31s, {action::report_start_failed});
    BOOST_TEST(!l.asked_for());
}

// A clean end before it was ready is an end, not a failed start; so is a stop while it started.
BOOST_AUTO_TEST_CASE(ends_before_ready) {
    machine ended = in_state(state::starting);
    expect(ended, event::exited, t0, {action::report_ended});
    BOOST_TEST(!ended.asked_for());
    machine stopped = in_state(state::starting);
    stopped.on(event::stop, t0);
    expect(stopped, event::exited, t0, {action::report_ended});
    BOOST_TEST(stopped.asked_for());
}

// The watchdog begins when the child is ready; each ping restarts it; then SIGABRT, and SIGKILL
// after `shutdown`.
BOOST_AUTO_TEST_CASE(watchdog) {
    child_spec spec = stopped_by_signal();
    spec.watchdog = 10s;
    machine l = in_state(state::starting, spec);
    l.on(event::spawned, t0);
    l.on(event::alive, t0);
    BOOST_TEST((l.deadline() == t0 + 30s));
    l.on(event::ready, t0 + 1s);
    BOOST_TEST((l.deadline() == t0 + 11s));
    l.on(event::alive, t0 + 5s);
    BOOST_TEST((l.deadline() == t0 + 15s));
    expect(l, event::deadline, t0 + 14s, {});
    expect(l, event::deadline, t0 + 15s, {action::abort});
    BOOST_TEST(l.failure() == "watchdog: no ping for 10s");
    expect(l, event::alive, t0 + 15s, {});
    expect(l, event::stop, t0 + 16s, {});
    expect(l, event::deadline, t0 + 17s, {action::report_slow_stop});
    expect(l, event::deadline, t0 + 23s, {action::kill_group, action::report_slow_stop});
    expect(l, event::exited, t0 + 23s, {action::report_ended});
    BOOST_TEST(!l.asked_for());
}

// When `shutdown` has no limit, SIGKILL still follows SIGABRT; when it is `kill`, there is no
// SIGABRT.
BOOST_AUTO_TEST_CASE(watchdog_always_ends_it) {
    child_spec spec = stopped_by_signal();
    spec.watchdog = 1s;
    spec.shutdown.limit.reset();
    machine patient = in_state(state::running, spec);
    expect(patient, event::deadline, t0 + 1s, {action::abort});
    BOOST_TEST((patient.kill_at() == t0 + 9s));
    expect(patient, event::stop, t0 + 1s, {});
    spec.shutdown.limit = 0ms;
    machine rough = in_state(state::running, spec);
    expect(rough, event::deadline, t0 + 1s, {action::kill_group});
    BOOST_TEST(!rough.asked_for());
}

// STOPPING=1: the process sends no pings any more, and has the time of a stop to end. After that it
// is aborted, as one that hangs.
BOOST_AUTO_TEST_CASE(ends_of_itself) {
    child_spec spec = stopped_by_signal();
    spec.watchdog = 1s;
    machine l = in_state(state::running, spec);
    expect(l, event::finishing, t0, {});
    l.on(event::alive, t0);
    BOOST_TEST((l.deadline() == t0 + 8s));
    expect(l, event::deadline, t0 + 8s, {action::abort});
    BOOST_TEST(l.failure() == "it sent STOPPING=1 and did not end within 8s");
    BOOST_TEST(!l.asked_for());

    spec.shutdown.limit.reset();
    machine patient = in_state(state::running, spec);
    patient.on(event::finishing, t0);
    BOOST_TEST((patient.deadline() == never));
}

// A stop command runs at once instead of the signal, which comes at half of the time, also while
// the command runs.
BOOST_AUTO_TEST_CASE(stop_command) {
    child_spec spec = stopped_by_signal();
    spec.stop_command = {"quit"};
    machine l = in_state(state::running, spec);
    expect(l, event::stop, t0, {action::ask_to_finish, action::run_stop_command});
    BOOST_TEST(l.gives_time_to_command());
    BOOST_TEST((l.deadline() == t0 + 2s));  // for the log
    expect(l, event::deadline, t0 + 4s, {action::send_stop_signal, action::report_slow_stop});
    expect(l, event::stop_command_done, t0 + 5s, {});
    BOOST_TEST(!l.gives_time_to_command());
    expect(l, event::deadline, t0 + 8s, {action::kill_group, action::report_slow_stop});
    expect(l, event::exited, t0 + 8s, {action::report_ended});
}

// It fails: the ladder goes on at once. A child that knows SUPE-SHUTDOWN has its half of the time
// all the same.
BOOST_AUTO_TEST_CASE(stop_command_fails) {
    child_spec spec = stopped_by_signal();
    spec.stop_command = {"quit"};
    machine l = in_state(state::stopping, spec);
    expect(l, event::stop_command_failed, t0 + 1s, {action::send_stop_signal});
    expect(l, event::stop_command_failed, t0 + 1s, {});
    spec.ask = true;
    l = in_state(state::stopping, spec);
    expect(l, event::stop_command_failed, t0 + 1s, {});
    expect(l, event::deadline, t0 + 4s, {action::send_stop_signal, action::report_slow_stop});
}

// It does not run before the child was ready, nor where the stop is a kill. With `infinity` the
// second stop waits for it no more.
BOOST_AUTO_TEST_CASE(stop_command_does_not_run) {
    child_spec spec = stopped_by_signal();
    spec.stop_command = {"quit"};
    machine l = in_state(state::starting, spec);
    expect(l, event::stop, t0, {action::ask_to_finish, action::send_stop_signal});
    l = in_state(state::stopping, spec);
    expect(l, event::kill, t0, {action::kill_group});
    BOOST_TEST(!l.gives_time_to_command());
    spec.shutdown.limit.reset();
    l = in_state(state::stopping, spec);
    expect(l, event::stop, t0, {action::send_stop_signal});
    BOOST_TEST(!l.gives_time_to_command());
    spec.shutdown.limit = 0ms;
    l = in_state(state::running, spec);
    expect(l, event::stop, t0, {action::kill_group});
}

// A process that may not be signalled: each refusal is reported, and after that of SIGKILL nothing
// more is to come. A kill does not wait for it.
BOOST_AUTO_TEST_CASE(refused_signals) {
    machine l = in_state(state::stopping);
    expect(l, event::refused, t0, {action::report_refused});
    BOOST_TEST(!l.is_untouchable());
    expect(l, event::deadline, t0 + 8s, {action::kill_group, action::report_slow_stop});
    expect(l, event::refused, t0 + 8s, {action::report_refused});
    BOOST_TEST(l.is_untouchable());
    BOOST_TEST(l.current() == state::stopping);
    expect(l, event::kill, t0 + 9s, {action::kill_group});
    expect(l, event::refused, t0 + 9s, {action::abandon, action::report_refused});
    expect(l, event::exited, t0 + 9s, {action::report_ended});
    BOOST_TEST(l.asked_for());
    BOOST_TEST(!in_state(state::stopping).is_untouchable());
}

// A child that closed its channel cannot be asked: the signal comes at once, also where the channel
// ends during the stop, with `infinity` or `ask`, and only once.
BOOST_AUTO_TEST_CASE(closed_channel) {
    for (const bool is_endless : {false, true}) {
        child_spec spec = stopped_by_signal();
        if (is_endless) spec.shutdown.limit.reset();
        machine before = in_state(state::running, spec);
        before.on(event::spoke, t0);
        expect(before, event::channel_closed, t0, {});
        expect(before, event::stop, t0, {action::ask_to_finish, action::send_stop_signal});
        spec.ask = true;
        machine during = in_state(state::stopping, spec);
        expect(during, event::channel_closed, t0 + 1s, {action::send_stop_signal});
        expect(during, event::channel_closed, t0 + 1s, {});
        expect(during, event::stop, t0 + 1s, {});
        BOOST_TEST((during.deadline() == t0 + 2s));  // for the log
    }
}

// A stop command has its half of the time all the same, unless it fails. A kill has no signal.
BOOST_AUTO_TEST_CASE(closed_channel_with_stop_command) {
    child_spec spec = stopped_by_signal();
    spec.ask = true;
    spec.stop_command = {"quit"};
    machine l = in_state(state::stopping, spec);
    expect(l, event::channel_closed, t0 + 1s, {});
    expect(l, event::stop_command_done, t0 + 2s, {});
    expect(l, event::deadline, t0 + 4s, {action::send_stop_signal, action::report_slow_stop});
    l = in_state(state::stopping, spec);
    expect(l, event::stop_command_failed, t0 + 1s, {});
    expect(l, event::channel_closed, t0 + 1s, {action::send_stop_signal});
    l = in_state(state::stopping, spec);
    expect(l, event::kill, t0, {action::kill_group});
    expect(l, event::channel_closed, t0, {});
}

BOOST_AUTO_TEST_SUITE_END()
