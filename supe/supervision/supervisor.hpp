// A supervisor: its children, their mail and their notices. The decisions are restarter's, the waiting is child's.
#pragma once

#include "supe/mail/dead_letters.hpp"
#include "supe/noticeboard/noticeboard.hpp"
#include "supe/process/listening_sockets.hpp"
#include "supe/supervision/child.hpp"
#include "supe/supervision/restarter.hpp"

#include <boost/json/value.hpp>
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
    /// Resumes when something changed: a child, or the tree as a whole.
    awaitable<> changed() { return changed_.wait(); }
    duration uptime() const { return env_.time.now() - began_; }
    post_office& mail() { return office_; }
    dead_letters& dead() { return dead_; }
    clock& time() override { return env_.time; }

    /// By hand. Each resumes when it is done: the child is ready, or down; false when it did not come up.
    awaitable<bool> start_child(child& c);
    awaitable<> stop_child(child& c);
    awaitable<bool> restart_child(child& c);

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

    void log(std::string_view text) override { log_to(env_.sink, address_.empty() ? "supe" : address_, text); }

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
