// A supervisor: its children, their mail and their notices. restarter decides, child waits for its
// process, administration has the commands of an operator.
#pragma once

#include "supe/mail/dead_letters.hpp"
#include "supe/supervision/administration.hpp"
#include "supe/supervision/answer_room.hpp"
#include "supe/supervision/child_logs.hpp"
#include "supe/supervision/sibling_orders.hpp"
#include "supe/supervision/supervisor_environment.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace supe {

struct mailbox_copy;

class supervisor final : private child_host, private mail_events, private administered {
public:
    /// `address`: from the root; empty for the root. `above`: the channel of a nested supervisor to
    /// its own supervisor.
    supervisor(supervisor_environment environment, supervisor_spec spec, std::string address,
               std::shared_ptr<channel> above = nullptr);
    ~supervisor() override;

    /// Starts the children, restarts them, and resumes when the last one has ended: true after a
    /// clean stop, false when the supervisor failed (see why()); a root also when it shut down
    /// because a significant child ended, and not cleanly. Throws listen_error before
    /// anything is started, when a listening socket cannot be opened; a nested supervisor reports
    /// it to its own supervisor, and fails.
    awaitable<bool> run();
    /// Frames from the supervisor above that were read before run().
    void set_early_frames(std::vector<std::string> frames) { early_frames_ = std::move(frames); }
    /// Stops the children in reverse order.
    void shutdown();
    /// As shutdown(), with SIGKILL at once.
    void kill();
    /// As shutdown(), and run() resumes with false for this reason. No effect on one that ends
    /// already.
    void fail(std::string reason);

    const std::string& why() const { return restarter_.why(); }
    const std::string& name() const { return spec_.name; }
    const std::string& address() const { return address_; }
    bool is_booted() const { return booted_; }
    /// A stop was requested.
    bool is_stopping() const { return stop_requested_; }
    /// The children are being stopped, by a request or after a failure.
    bool is_ending() const { return restarter_.is_ending(); }
    duration uptime() const { return env_.time.now() - began_; }
    /// Resumes when the state of a child or of the supervisor may have changed.
    auto changed() { return changed_.wait(); }
    /// Our output is not read, and children wait for that.
    bool is_output_stuck() const { return env_.sink.is_stuck(); }
    clock& time() override { return env_.time; }
    void log(std::string_view text) override {
        log_to(env_.sink, address_.empty() ? "/" : address_, text);
    }

    /// Waits until the mail of this child, or of its instances, which were removed just now, is
    /// safe. Returns where it is, for the answer to whoever asked for that, and only once; empty
    /// where there is nothing to say.
    awaitable<std::string> saved_of(std::string name);

    // A reference to a child is valid until the next wait.

    /// Null when there is no such child.
    child* find(std::string_view child_name);
    /// What the supervisor keeps about a child: its mailbox, its ends.
    const child_entry& entry_of(const child& c) const { return children_.at(c.number()); }
    /// In order of start.
    std::vector<child*> children();
    /// As child_registry::members().
    std::vector<child*> members(std::string_view name);
    restarter::status status_of(const child& c) const { return restarter_.status_of(c.number()); }
    unsigned restarts_of(const child& c) const { return restarter_.restarts_of(c.number()); }
    time_point retry_of(const child& c) const { return restarter_.retry_of(c.number()); }

    administration& admin() { return admin_; }
    notice_publisher& notices() { return notices_; }
    supervisor_mail& mail() { return mail_; }
    dead_letters& dead() { return dead_; }
    /// For whoever makes the answers to commands.
    answer_room& large_answers() { return large_answers_; }
    /// Sends a command of the control socket to the nested supervisor of this name, and waits for
    /// its answer, as nested_requests::ask(). Null when there is no such child.
    awaitable<boost::json::value> ask_below(std::string nested, boost::json::object command);

    // Code in a supervisor: supervisor_code.hpp.

    /// Runs `code` beside the children, from the start to the end of this supervisor. An exception
    /// fails the supervisor.
    void run_beside(std::function<awaitable<>(supervisor&)> code) { code_ = std::move(code); }
    /// Called for mail to `supe`, besides notice `supervisor-mail` (contract §3). `from`: the plain
    /// name of a child, else an absolute address. `msg`: JSON text.
    using mail_handler = std::function<void(std::string_view from, std::string_view msg)>;
    void on_mail(mail_handler handler) { on_mail_ = std::move(handler); }
    /// As notice_publisher::notify_above().
    void notify(const std::string& notice, const std::string& message) {
        notices_.notify_above(notice, message);
    }

    // The control socket: supe/control.

    /// Called with the outcome of mail from the control socket.
    using answer_handler =
        std::function<void(const std::string& id, signal_kind outcome, std::string_view reason)>;
    void on_control_answers(answer_handler handler) { control_answers_ = std::move(handler); }
    /// Called for mail to `supe` that answers a call (`re`). False when no call waits for it: then
    /// it is treated as other mail.
    using call_handler = std::function<bool(const std::string& call, std::string_view msg)>;
    void on_call_answers(call_handler handler) { call_answers_ = std::move(handler); }
    /// Performs a command of the supervisor above.
    using command_handler = std::function<awaitable<boost::json::value>(boost::json::object)>;
    void on_commands(command_handler handler) { commands_ = std::move(handler); }

private:
    // child_host
    launcher& processes() override { return env_.processes; }
    turnstile& starts() override { return starts_; }
    line_sink& sink() override { return env_.sink; }
    void on_started(child& c) override;
    void on_ready(child& c) override;
    void on_disconnected(child& c) override;
    void on_ended(child& c, const child_end& end) override;
    void on_refused(child& c, const std::string& why) override;
    void on_frame(child& c, std::string_view frame) override { frames_.on_frame(c, frame); }
    void on_bad_frame(child& c, const std::string& why) override { frames_.on_bad_frame(c, why); }
    void on_line(child& c, stream s, std::string_view line) override;
    void after_lines() override;
    void after_turn(child& c) override;

    // mail_events
    void on_supervisor_mail(const envelope& mail) override;
    void on_dead_letter(const envelope& mail, const std::string& recipient,
                        const std::string& reason, const mail_history& history) override;
    void on_undeliverable(const envelope& mail, const std::string& reason) override;
    bool on_mail_waiting(mail_endpoint& endpoint, waits_for whom) override;
    void on_control_answer(const mail_origin& origin, signal_kind outcome,
                           std::string_view reason) override;

    // administered
    void perform(const restarter::actions& actions) override;
    bool is_over() const override { return over_; }
    timer& change() override { return changed_; }
    void on_mail_limits(child_entry& entry) override;
    awaitable<> until_free(std::string name) override;

    // The supervisor's own coroutines.
    awaitable<> decide();
    awaitable<> run_mail();
    awaitable<> run_journal();
    awaitable<> read_journal_late();
    awaitable<> run_uplink();
    awaitable<> run_code();
    awaitable<> answer_request(std::string data);
    awaitable<> beat(std::string request_id);
    awaitable<boost::json::value> perform_request(supervisor_request request,
                                                  answer_room::place& held);
    awaitable<> send_answer(outgoing_answer& answer);

    void create_children(std::vector<child_spec> specs);
    void open_journal();
    void report_unknown();
    bool open_sockets();
    void on_uplink_frame(std::string_view frame);
    void start(child_entry& entry, const restarter::action& a);
    launch_request request_for(const child_entry& entry) const;
    void give_up(child_entry& entry);
    struct given_up;
    awaitable<> save_mail_of(given_up what);
    struct removed_mailbox {
        std::string name;  // of the child that was removed
        std::string box_name;
        std::shared_ptr<mailbox> box;
        bool has_failed = false;  // it could not be written, and that was reported
    };
    bool have_room_for(const mailbox& left) const;
    bool can_wait_for_a_file(const mailbox& left) const;
    awaitable<> save_removed();
    void bury_saved(const mailbox_copy& made);
    void report_not_saved(removed_mailbox& removed);
    void report_left_unsaved();
    awaitable<> save_journals_of(std::string name);
    void report_saved(const std::string& name, const std::string& text);
    void end_save();
    std::function<awaitable<>(std::function<void()>)> beside();
    void report_given_up(const given_up& what, const std::string& file);
    void give_up_instance(child_entry& entry);
    void remove(child_entry& entry);
    void booted();
    void report_failure(std::string_view why);
    void report_end(const child_entry& entry, const child_end& end, const std::string& text);
    void report_clean_end(child_entry& entry, const child_end& end);
    enum class outcome { clean_stop, failure };
    void end(outcome how);

    supervisor_environment env_;
    supervisor_spec spec_;  // without the specs of children, which the children have
    std::string address_;
    nursery tasks_;
    turnstile starts_;
    timer changed_;  // the state of a child or of the supervisor changed
    outbox out_;
    std::unique_ptr<uplink> above_;  // null at the root
    supervisor_mail mail_;
    child_registry children_;
    restarter restarter_;
    notice_publisher notices_;
    nested_requests below_;
    answer_room large_answers_;
    administration admin_;
    sibling_orders orders_;
    frame_dispatch frames_;
    dead_letters dead_;
    child_logs logs_;
    std::unique_ptr<journal> journal_;
    std::vector<std::string> early_frames_;
    answer_handler control_answers_;
    call_handler call_answers_;
    command_handler commands_;
    std::function<awaitable<>(supervisor&)> code_;
    mail_handler on_mail_;
    time_point began_{};
    bool booted_ = false;
    bool over_ = false;
    int saves_ = 0;                              // mailboxes that are being written to files
    std::map<std::string, std::string> copies_;  // of mailboxes of children with `retry`, by name:
                                                 // the next copy replaces the file
    bool shut_down_badly_ = false;  // by auto_shutdown, after an end that was not clean
    std::deque<removed_mailbox> to_save_;
    static constexpr std::size_t most_unsaved = 256u << 20;  // bytes of mail
    std::set<std::string> saving_journals_of_;               // nested supervisors that were removed
    /// The names of children that were removed, and where their mail is, until somebody asks. Most
    /// are removed with no mail, or by nobody who asks.
    std::deque<std::pair<std::string, std::string>> saved_;
    static constexpr std::size_t most_saved_told = 64;
    bool journal_is_read_ = true;
    bool clean_ = true;
    bool stop_requested_ = false;
};

}  // namespace supe
