// One child: its place under the supervisor and the process in it. Three coroutines: lifecycle,
// output, mail.
#pragma once

#include "supe/async/nursery.hpp"
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

/// What a child needs of its supervisor, and reports to it. Calls come from the child's own
/// coroutines.
class child_host {
public:
    virtual ~child_host() = default;
    virtual clock& time() = 0;
    virtual launcher& processes() = 0;
    virtual line_sink& sink() = 0;
    virtual void log(std::string_view text) = 0;

    virtual void on_started(child& c) = 0;
    virtual void on_ready(child& c) = 0;
    /// The process is dead and its frames are read: its channel is about to go.
    virtual void on_disconnected(child& c) = 0;
    /// The process is gone, all that it said is read, nothing of it is left.
    virtual void on_ended(child& c, const child_end& end) = 0;
    virtual void on_frame(child& c, std::string_view frame) = 0;
    /// A frame too long, or cut short by the end of the channel.
    virtual void on_bad_frame(child& c, const std::string& reason) = 0;
    virtual void on_line(child& c, stream s, std::string_view line) = 0;
    /// After each turn of the channel: deliver mail, write what was gathered.
    virtual void after_turn(child& c) = 0;
};

class child {
public:
    /// `number`: names it for ever; `address` from the root.
    child(child_host& host, child_spec spec, std::string address, int number);

    /// Starts the three coroutines in the supervisor's nursery; they run until they are cancelled
    /// there.
    void begin(nursery& tasks);

    // What the supervisor orders; the child reports back.
    /// `how`: what to run; readiness and watchdog are added here.
    void start(launch_request how);
    void stop() { post(lifecycle::event::stop); }
    void kill() { post(lifecycle::event::kill); }
    /// What its frames say about the process.
    void post(lifecycle::event e);

    /// A new spec (a reload), of the same name: holds for its process from the next start on.
    void change(child_spec spec) { spec_ = std::move(spec); }
    /// One that ran alone becomes one of several: the process that runs goes on under its new name.
    void rename(const std::string& name, std::string address);

    const child_spec& spec() const { return spec_; }
    const std::string& address() const { return address_; }
    int number() const { return number_; }
    const lifecycle& state() const { return lifecycle_; }
    bool is_supervisor() const { return spec_.supervisor != nullptr; }

    /// To the process that runs; null while there is none.
    channel* link() const { return channel_.get(); }
    /// Counts the processes that there have been, the present one included.
    std::uint32_t life() const { return life_; }
    /// Sends a signal of contract §2 to the component at once; nothing happens when it is down.
    void signal(signal_kind kind, std::string_view data = {});

    /// 0 while there is no process.
    pid_t pid() const { return process_ ? process_->pid() : 0; }
    time_point started_at() const { return started_at_; }
    /// What it last said of itself by STATUS=… in this life, one line; empty where it did not.
    std::string status_text() const { return status_text_ ? *status_text_ : std::string(); }

private:
    awaitable<> run_lifecycle();
    awaitable<> run_output();
    awaitable<> run_mail();

    std::optional<lifecycle::event> next_event();
    void queue_exit_event();
    void perform(lifecycle::action a);
    void spawn();
    void adopt(std::unique_ptr<process> p);
    /// The process is dead: kills the rest of its group, reads its last words, reaps it, ends its
    /// descendants.
    awaitable<> finish_life();
    void finish_channel();
    bool read_frames(channel& from);
    void report_lost_frames(channel& from);
    awaitable<> end_descendants();
    bool last_words_read() const;
    void read_notifications();
    void signal_process(int number);
    child_end how_it_ended();
    std::string slow_stop_text() const;

    child_host& host_;
    child_spec spec_;
    std::string address_;
    std::unique_ptr<std::string> address_of_life_;  // of the process that runs, if renamed since
    int number_;
    std::uint32_t life_ = 0;
    lifecycle lifecycle_;

    std::unique_ptr<launch_request> request_;  // of the start that is under way
    std::unique_ptr<process> process_;
    std::shared_ptr<channel> channel_;  // shared with the coroutine that reads it, until its end
    std::shared_ptr<output_reader> output_;
    std::vector<lifecycle::event> events_;
    timer wake_;  // an event, a deadline, or the end of something that finish_life() waits for
    timer life_began_;  // output and mail have something to read

    time_point started_at_{};
    bool was_ready_ = false;
    bool channel_ended_ = true;
    std::optional<exit_status> exit_;      // of the present life, once it is over
    std::unique_ptr<launch_error> error_;  // why it could not begin
    time_point ended_at_{};
    std::unique_ptr<std::string> status_text_;
};

}  // namespace supe
