// One child: its place under the supervisor and the process in it. Three coroutines: lifecycle,
// output, mail.
#pragma once

#include "supe/async/nursery.hpp"
#include "supe/channel/channel.hpp"
#include "supe/mail/mail_router.hpp"
#include "supe/output/output_reader.hpp"
#include "supe/process/launcher.hpp"
#include "supe/supervision/lifecycle.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace supe {

class child;

/// What a child needs of its supervisor, and tells it. Calls come from the child's own coroutines.
class child_host {
public:
    virtual ~child_host() = default;
    virtual clock& time() = 0;
    virtual launcher& processes() = 0;
    virtual line_sink& sink() = 0;
    virtual launch_request request_for(const child& c) = 0;
    virtual void log(std::string_view text) = 0;

    virtual void on_started(child& c) = 0;
    virtual void on_ready(child& c) = 0;
    /// The process is gone, all it said is read, nothing of it is left.
    virtual void on_ended(child& c) = 0;
    virtual void on_frame(child& c, std::string_view frame) = 0;
    /// A frame too long, or cut short by the end of the channel.
    virtual void on_bad_frame(child& c, const std::string& reason) = 0;
    virtual void on_line(child& c, stream s, std::string_view line) = 0;
    /// After each turn of the channel: hand over mail, write what was gathered.
    virtual void after_turn(child& c) = 0;
};

class child {
public:
    /// `stop`: its place in the post office, and its number.
    child(child_host& host, child_spec spec, std::string address, mail_endpoint stop);

    /// Starts the three coroutines in the supervisor's nursery; they run until they are cancelled
    /// there.
    void begin(nursery& tasks);

    // What the supervisor orders; the child reports back.
    void start();
    void stop() { post(lifecycle::event::stop); }
    void kill() { post(lifecycle::event::kill); }
    /// What its frames say about the process.
    void post(lifecycle::event e);

    /// A new spec (a reload), of the same name: holds for its process from the next start on.
    void change(child_spec spec);
    /// One that ran alone becomes one of several: the process that runs goes on under its new name.
    void rename(const std::string& name, std::string address);

    const child_spec& spec() const { return spec_; }
    const std::string& address() const { return address_; }
    int number() const { return mail_.number; }
    mail_endpoint& mail() { return mail_; }
    const mail_endpoint& mail() const { return mail_; }
    const lifecycle& state() const { return lifecycle_; }
    bool is_supervisor() const { return spec_.supervisor != nullptr; }

    /// Sends a signal of contract §2 to the component; nothing happens when it is down.
    void signal(std::string_view name, std::string_view data = {});

    pid_t pid() const { return process_ ? process_->pid() : 0; }
    time_point started_at() const { return started_at_; }
    /// How the last process ended; nothing before the first end, or where there was none to start.
    const std::optional<exit_status>& last_exit() const { return last_exit_; }
    /// Why the last start failed; null where it did not.
    const launch_error* last_error() const { return last_error_.get(); }
    bool was_ready() const { return was_ready_; }
    duration lasted() const { return ended_at_ - started_at_; }
    /// For people: `exit code 3`, `SIGSEGV (core dumped)`, `start timed out after 30s`, `web.js: No
    /// such file or directory`.
    std::string how_it_ended() const;
    /// In the sense of contract §1: by an exit code in `clean_exits`, or because somebody asked for
    /// it.
    bool ended_cleanly() const;
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
    bool read_frames(channel& wire);
    void report_lost_frames(channel& wire);
    awaitable<> end_descendants();
    bool last_words_read() const;
    void read_notifications();
    void signal_process(int number);
    std::string slow_stop_text() const;

    child_host& host_;
    child_spec spec_;
    std::string address_;
    std::unique_ptr<std::string>
        address_of_life_;  // of the process that runs, where it was renamed since
    mail_endpoint mail_;
    lifecycle lifecycle_;

    std::unique_ptr<process> process_;
    std::shared_ptr<output_reader> output_;
    std::vector<lifecycle::event> events_;
    timer wake_;  // an event, a deadline, or the end of something that finish_life() waits for
    timer life_began_;  // output and mail have something to read

    time_point started_at_{};
    time_point ended_at_{};
    bool was_ready_ = false;
    bool channel_ended_ = true;
    std::optional<exit_status> last_exit_;
    std::unique_ptr<launch_error> last_error_;
    std::unique_ptr<std::string> status_text_;
};

}  // namespace supe
