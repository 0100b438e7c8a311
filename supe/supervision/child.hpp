// One child of a supervisor, with its process while it has one. Three coroutines: lifecycle,
// output, mail.
#pragma once

#include "supe/async/nursery.hpp"
#include "supe/async/turnstile.hpp"
#include "supe/channel/channel.hpp"
#include "supe/channel/signal.hpp"
#include "supe/output/output_reader.hpp"
#include "supe/supervision/child_end.hpp"
#include "supe/supervision/lifecycle.hpp"

#include <memory>
#include <optional>
#include <string>

namespace supe {

class child;

/// What a child uses of its supervisor, and what it reports. The child's coroutines make the calls.
class child_host {
public:
    virtual ~child_host() = default;
    virtual clock& time() = 0;
    virtual launcher& processes() = 0;
    /// A thousand children may have to be started at once.
    virtual turnstile& starts() = 0;
    virtual line_sink& sink() = 0;
    virtual void log(std::string_view text) = 0;

    virtual void on_started(child& c) = 0;
    virtual void on_ready(child& c) = 0;
    /// Nothing reaches the process any more: it closed its channel, or it is dead and its frames
    /// are read. Both may come, one after the other.
    virtual void on_disconnected(child& c) = 0;
    /// The process is reaped, its last words are read, its descendants are dead.
    virtual void on_ended(child& c, const child_end& end) = 0;
    /// A signal of ours was refused; `why` is a line for the log.
    virtual void on_refused(child& c, const std::string& why) = 0;
    virtual void on_frame(child& c, std::string_view frame) = 0;
    /// A frame that is too long, or cut short by the end of the channel.
    virtual void on_bad_frame(child& c, const std::string& reason) = 0;
    virtual void on_line(child& c, stream s, std::string_view line) = 0;
    /// After each turn of lines.
    virtual void after_lines() {}
    /// After each turn of the channel: delivers mail, and writes what was gathered.
    virtual void after_turn(child& c) = 0;
};

class child {
public:
    /// `address`: from the root. `number`: identifies the child, also after rename().
    child(child_host& host, child_spec spec, std::string address, int number);

    /// Starts the three coroutines in `tasks`. They run until they are cancelled there.
    void begin(nursery& tasks);

    // Requests of the supervisor. The child reports the results to its host.
    /// `how`: the process to run; readiness and watchdog are added here.
    void start(launch_request how);
    void stop() { post(lifecycle::event::stop); }
    void kill() { post(lifecycle::event::kill); }
    /// Adds an event that a frame of the process caused.
    void post(lifecycle::event e);

    /// A new spec of the same name (a reload). It takes effect at the next start.
    void change(child_spec spec) { spec_ = std::move(spec); }
    /// The child becomes one of several instances. Its process goes on under the new name.
    void rename(const std::string& name, std::string address);

    const child_spec& spec() const { return spec_; }
    const std::string& address() const { return address_; }
    int number() const { return number_; }
    const lifecycle& state() const { return lifecycle_; }
    bool is_supervisor() const { return spec_.supervisor != nullptr; }

    /// The channel to the process; null while there is no process.
    channel* link() const { return channel_.get(); }
    /// The number of processes so far, including the present one.
    std::uint32_t life() const { return life_; }
    /// Sends a signal of contract §2 to the component at once. No effect when it is down.
    void signal(signal_kind kind, std::string_view data = {});

    /// 0 while there is no process. In the stop of a group, and while last words are read, it is
    /// that of a process which is dead.
    pid_t pid() const { return process_ ? process_->pid() : 0; }
    /// Why a stop of it has no end that we know: it may not be signalled. Empty: there is one.
    std::string why_untouchable() const;
    time_point started_at() const { return started_at_; }
    /// What it said last of itself in this life (COMPONENT-STATUS, STATUS=…), one line; empty when
    /// it said nothing.
    std::string status_text() const {
        return process_ && status_text_ ? *status_text_ : std::string();
    }
    void set_status_text(std::string_view text);

private:
    awaitable<> run_lifecycle();
    awaitable<> run_output();
    awaitable<> run_mail();

    std::optional<lifecycle::event> next_event();
    void queue_exit_event();
    void handle(lifecycle::event e);
    void perform(lifecycle::action a);
    awaitable<> look_up_user();
    void spawn();
    void launch(const launch_request& request);
    void adopt(std::unique_ptr<process> p);
    /// After the death of the process: others of its group live, and have the time of a stop. Asks
    /// again after a while.
    bool group_has_time();
    bool is_over();
    time_point next_look() const;
    void reap();
    /// After the death of the process, and the stop of its group: kills the rest of its group,
    /// reads its last words, reaps it, ends its descendants.
    awaitable<> finish_life();
    awaitable<> read_what_has_arrived();
    void close_channel();
    void on_channel_closed(const channel& by_the_process);
    void report_closed_channel();
    bool read_frames(channel& from);
    void report_lost_frames(channel& from);
    awaitable<> end_descendants(pid_t life);
    bool last_words_read() const;
    void read_notifications();
    void send_stop_signal();
    void abort();
    void kill_group();
    /// `who`: the pid of the process that refused the signal; 0: none did.
    void note_refusal(int number, pid_t who);
    std::string refusal_text() const;
    /// Runs `stop_command`, and reports its end as an event.
    awaitable<> run_stop_command();
    awaitable<std::string> failure_of_stop_command();
    awaitable<> end_stop_command();
    /// All output of a stop command.
    awaitable<> pass_on(std::shared_ptr<output_reader> output);
    /// Of the output, once there is something to read.
    awaitable<> take_turn(std::shared_ptr<output_reader> output);
    child_end how_it_ended();
    std::string what_the_stop_waits_for() const;
    std::string slow_stop_text() const;

    child_host& host_;
    nursery* tasks_ = nullptr;  // that of the coroutines
    child_spec spec_;
    std::string address_;
    std::unique_ptr<std::string> address_of_life_;  // the address with which the process was
                                                    // started, if the child was renamed since
    int number_;
    std::uint32_t life_ = 0;
    lifecycle lifecycle_;

    std::unique_ptr<launch_request> request_;       // of the start that is under way
    std::unique_ptr<launch_error> no_user_;         // why that start has no user to run as
    std::unique_ptr<launch_request> stop_request_;  // how to run `stop_command` in this life
    std::unique_ptr<nursery> stop_command_;         // while it runs
    std::unique_ptr<process> process_;
    std::shared_ptr<channel> channel_;  // shared with the coroutine that reads it, until its end
    std::shared_ptr<output_reader> output_;
    std::vector<lifecycle::event> events_;
    timer wake_;        // an event, a deadline, or the end of the output or the channel
    timer life_began_;  // wakes the coroutines of output and mail

    time_point started_at_{};
    bool was_ready_ = false;
    bool reaped_ = false;          // the process; its group may live on
    bool left_processes_ = false;  // others lived when it ended
    bool abandoned_ = false;       // it may not be killed, and lives on
    int refused_signal_ = 0;       // the last one of this life that we were not allowed to send
    pid_t refused_by_ = 0;         // … to this process: ours, or another one of its group
    bool channel_ended_ = true;
    time_point report_closed_at_ = never;  // the channel, by a process that lives on
    std::optional<exit_status> exit_;      // of the last life that ended
    std::unique_ptr<launch_error> error_;  // why the last start failed
    time_point ended_at_{};
    std::unique_ptr<std::string> status_text_;
};

}  // namespace supe
