// A supervisor: its children, their mail and their notices. The decisions are restarter's, the waiting is child's.
#pragma once

#include "supe/mail/dead_letters.hpp"
#include "supe/noticeboard/noticeboard.hpp"
#include "supe/process/listening_sockets.hpp"
#include "supe/supervision/child.hpp"
#include "supe/supervision/restarter.hpp"

#include <boost/json/value.hpp>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace supe {

/// What a supervisor stands on. Everything here outlives it.
struct supervisor_environment {
    clock& time;
    launcher& processes;
    line_sink& sink;
    std::function<double()> random;              ///< [0,1): jitter, and the seed of mail ids
    std::filesystem::path state;                 ///< the state directory
    std::vector<std::string> variables;          ///< `KEY=value`: the environment that children start from
    std::vector<std::string> builtin;            ///< the command that runs a built-in role; the role is appended
};

/// One notice as a listener outside the tree gets it.
struct published {
    std::string name;
    std::string message;                         ///< JSON text
    std::string source;                          ///< a child's name (or NAME-SOURCE), or `supe`; empty for what came from the cache
};

class supervisor final : private child_host, private mail_events {
public:
    /// `address` from the root: empty for the root, `/dam` for a nested one, which has an `uplink` to its own supervisor.
    supervisor(supervisor_environment environment, supervisor_spec spec, std::string address,
               std::shared_ptr<channel> uplink = nullptr);
    ~supervisor() override;

    /// Starts the children, keeps them alive, and resumes when the last one is gone: true after a clean stop, false when
    /// the supervisor failed (why() says why).
    awaitable<bool> run();
    /// Frames of our own supervisor that were read before run().
    void hear_first(std::vector<std::string> frames) { early_frames_ = std::move(frames); }
    /// Ordered stop, in reverse; a second call kills at once.
    void shutdown();

    const std::string& why() const { return restarter_.why(); }
    const std::string& name() const { return spec_.name; }
    const std::string& address() const { return address_; }
    bool is_booted() const { return booted_; }
    bool is_stopping() const { return told_once_; }

    // For the control socket, and for tests.
    child* find(std::string_view child_name) const;
    std::vector<child*> children() const;
    restarter::status status_of(const child& c) const;
    unsigned restarts_of(const child& c) const { return restarter_.restarts_of(c.number()); }
    duration uptime() const { return env_.time.now() - began_; }
    post_office& mail() { return office_; }
    dead_letters& dead() { return dead_; }
    clock& time() override { return env_.time; }

    // By hand (contract §6). `name` is a child (`web`), one instance (`web.2`), or for a child with instances all of them
    // (`web`). Each resumes when it is done, and returns in one line why it did not work; empty: it is done. Nothing else in
    // the tree is touched. None refers to a child across a wait: it may be removed meanwhile.

    /// Ready, or idle for a demand child. Cuts a delay short; what was given up or stopped begins with fresh limits.
    /// A first try that fails is answered with an error; it counts, and is tried again like any other (contract §4).
    awaitable<std::string> start_child(std::string name);
    /// Down, and down it stays; a temporary child leaves the tree (OTP terminate_child). A second stop hurries the first.
    awaitable<std::string> stop_child(std::string name);
    /// A new process, ready. Counts nowhere. What was down is started.
    awaitable<std::string> restart_child(std::string name);

    /// A new child at the end of the order, started and ready. When its first start fails it is not kept (OTP start_child).
    awaitable<std::string> add_child(child_spec spec);
    /// Stops it and takes it out of the tree; mail that is left goes to the dead letters with reason `removed`.
    awaitable<std::string> remove_child(std::string name);
    /// `n` instances (1 to 10,000) of the child or of the name; those that stay are not touched. One that runs alone under
    /// its plain name goes on as `NAME.1`. Taken away are the highest numbers, in reverse; a new one whose first start fails
    /// is not kept, and the rest are not tried.
    awaitable<std::string> scale(std::string name, unsigned n);
    /// Makes the tree what the new file says, by its difference to the old file: children are removed (in reverse), added
    /// in their places, or restarted with their new spec and their mail; changed limits, strategy and `forward` hold at
    /// once. What did not change in the file is not touched, also where it was changed by hand since. A nested supervisor
    /// is told its part (request `reload` with `tree`, see ask_below). The errors of all parts, joined by "; ".
    awaitable<std::string> reload(supervisor_spec tree);

    /// The children that `name` means: a child, one instance, or all instances of a name; empty for none.
    std::vector<child*> members(std::string_view name) const;
    /// How the last lives of this child ended, the latest last; at most 10.
    struct death {
        std::chrono::system_clock::time_point at;
        std::string text;                        ///< for people: "exit code 3", "start timed out after 30s"
        std::string exit;                        ///< JSON as in notice `crashed`; `null` where no process came to be
        milliseconds lasted{};
        bool clean = false;
    };
    const std::deque<death>& deaths_of(const child& c) const;

    /// Publishes on this supervisor's noticeboard. `message` is JSON text; empty: a notice without one.
    void publish(const std::string& notice, const std::string& message, const std::string& source = "supe");
    /// Hands every notice of these names (all but output when empty) to `listener`, the cached ones first.
    std::uint64_t listen(std::vector<std::string> names, std::function<void(const published&)> listener);
    void stop_listening(std::uint64_t id);

    /// What became of mail sent from the control socket.
    using answer_handler = std::function<void(const std::string& id, std::string_view signal, std::string_view reason)>;
    void on_control_answers(answer_handler handler) { control_answers_ = std::move(handler); }

    /// Performs a request of the control socket here; set by supe/control.
    using command_handler = std::function<awaitable<boost::json::value>(boost::json::object)>;
    void on_commands(command_handler handler) { commands_ = std::move(handler); }
    /// Sends a request to a nested supervisor and waits for its answer; null when it dies or takes over 10 s.
    awaitable<boost::json::value> ask_below(child& nested, boost::json::object request);

    void log(std::string_view text) { log_to(env_.sink, address_.empty() ? "supe" : address_, text); }

private:
    struct pending_answer {
        pending_answer(clock& c, const child& who) : nested(who), done(c) {}
        const child& nested;
        boost::json::value value;
        bool answered = false;
        timer done;
    };

    /// Of one child: frames that mean nothing. Notices about them come at a bounded rate.
    struct strange_frames {
        std::uint64_t bad = 0;
        restart_intensity rate{{20, 1s}};
    };

    // child_host
    launcher& processes() override { return env_.processes; }
    line_sink& sink() override { return env_.sink; }
    launch_request request_for(const child& c) override;
    void on_started(child& c) override;
    void on_ready(child& c) override;
    void on_ended(child& c) override;
    void on_frame(child& c, std::string_view frame) override;
    void on_line(child& c, stream s, std::string_view line) override;
    void on_bad_frame(child& c, const std::string& reason) override;
    void after_turn(child& c) override;

    // mail_events
    void on_supervisor_mail(const envelope& mail) override;
    void on_dead_letter(const envelope& mail, const std::string& recipient, const std::string& reason) override;
    void on_undeliverable(const envelope& mail, const std::string& reason) override;
    void on_mail_waiting(mail_stop& stop) override;
    void on_control_answer(const mail_origin& origin, std::string_view signal, std::string_view reason) override;

    void on_signal(child& c, const signal_frame& frame);
    bool on_signal_from_nested(child& c, const signal_frame& frame);
    void on_noticeboard_request(child& c, std::string_view data);
    void answer_for_the_dead(const child& nested);

    static std::uint64_t watcher_of(const child& c);
    std::string start_data(const child& c) const;
    bool is_watched(const std::string& notice) const;
    bool is_output_notice(const std::string& notice) const;
    awaitable<bool> came_up(child& c);
    child& add(child_spec spec);
    child& by_number(int number) const;
    void open_listening_sockets(child& c);
    void perform(const restarter::actions& actions);
    void give_up(child& c);
    void remove(child& c);
    void end(bool cleanly);
    void publish_about(const child& c, std::string_view what, std::string_view fields = {});
    void tell_watcher(std::uint64_t watcher, const std::string& notice, const std::string& message);

    awaitable<> run_uplink();
    void on_uplink_frame(std::string_view frame);
    awaitable<> answer_command(std::string id, boost::json::object request);

    supervisor_environment env_;
    supervisor_spec spec_;
    std::string address_;
    std::shared_ptr<channel> uplink_;
    std::vector<std::string> early_frames_;
    restarter restarter_;
    noticeboard board_;
    post_office office_;
    std::vector<std::unique_ptr<child>> children_;
    std::vector<std::unique_ptr<child>> leaving_;   // removed, their coroutines not yet joined
    std::map<int, listening_sockets_of_child> sockets_;
    std::map<std::uint64_t, std::pair<std::vector<std::string>, std::function<void(const published&)>>> listeners_;
    std::uint64_t last_listener_ = 0;
    std::map<std::string, pending_answer*> asked_;
    std::uint64_t last_question_ = 0;
    std::string failure_below_;                     // why a nested supervisor says that it fails
    std::map<int, strange_frames> strange_;
    dead_letters dead_;
    answer_handler control_answers_;
    command_handler commands_;
    nursery tasks_;
    timer changed_;                                 // a child changed, or the end has come
    time_point began_{};
    bool booted_ = false;
    bool over_ = false;
    bool clean_ = true;
    bool told_once_ = false;
};

}  // namespace supe
