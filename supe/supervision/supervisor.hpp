// A supervisor: its children, their mail and their notices. The decisions are restarter's, the
// waiting is child's.
#pragma once

#include "supe/mail/dead_letters.hpp"
#include "supe/noticeboard/noticeboard.hpp"
#include "supe/process/listening_sockets.hpp"
#include "supe/supervision/child.hpp"
#include "supe/supervision/restarter.hpp"

#include <boost/json/value.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace supe {

/// What a supervisor stands on. Everything here outlives it.
struct supervisor_environment {
    clock& time;
    launcher& processes;
    line_sink& sink;
    std::function<double()> random;      ///< [0,1): jitter, and the seed of mail ids
    std::filesystem::path state;         ///< the state directory
    std::vector<std::string> variables;  ///< `KEY=value`: the environment that children start from
    std::vector<std::string>
        builtin;  ///< the command that runs a built-in role; the role is appended
    /// Where the supervisor at an address keeps mail and dead letters. None: in files of the state
    /// directory.
    std::function<std::unique_ptr<journal>(const std::string& address)> journals = {};
};

/// One notice as a listener outside the tree gets it.
struct published {
    std::string name;
    std::string message;  ///< JSON text
    std::string source;   ///< a child's name (or NAME-SOURCE), or `supe`
    std::chrono::system_clock::time_point
        at;  ///< when it was published: of one from the cache that is a while ago
};

/// How one life of a child ended.
struct death {
    std::chrono::system_clock::time_point at;
    std::string text;  ///< as child::how_it_ended(), or the cause chain of a supervisor
    std::string exit;  ///< JSON as in notice `crashed`; `null` where no process came to be
    milliseconds lasted{};
    bool clean = false;
};

class supervisor final : private child_host, private mail_events {
public:
    /// `address` from the root: empty for the root, `/dam` for a nested one, which has an `uplink`
    /// to its own supervisor.
    supervisor(supervisor_environment environment, supervisor_spec spec, std::string address,
               std::shared_ptr<channel> uplink = nullptr);
    ~supervisor() override;

    /// Starts the children, keeps them alive, and resumes when the last one is gone: true after a
    /// clean stop, false when the supervisor failed (why() says why). Throws listen_error, before
    /// anything is started, where a listening socket of the tree cannot be had; a nested supervisor
    /// tells its own supervisor, and fails.
    awaitable<bool> run();
    /// Frames of our own supervisor that were read before run().
    void set_early_frames(std::vector<std::string> frames) { early_frames_ = std::move(frames); }
    /// Ordered stop, in reverse; a second call kills at once.
    void shutdown();

    const std::string& why() const { return restarter_.why(); }
    const std::string& name() const { return spec_.name; }
    const std::string& address() const { return address_; }
    bool is_booted() const { return booted_; }
    bool is_stopping() const { return stop_requested_; }
    /// Its children are being stopped, for whatever reason.
    bool is_ending() const { return restarter_.is_ending(); }

    // For the control socket, and for tests. References to children hold until the next wait.
    child* find(std::string_view child_name) const;
    /// In the order of start.
    std::vector<child*> children() const;
    restarter::status status_of(const child& c) const { return restarter_.status_of(c.number()); }
    unsigned restarts_of(const child& c) const { return restarter_.restarts_of(c.number()); }
    /// Resumes when something changed: a child, or the tree as a whole.
    auto changed() { return changed_.wait(); }
    /// The latest last; at most 10.
    const std::vector<death>& deaths_of(const child& c) const {
        return places_.at(c.number()).deaths;
    }
    duration uptime() const { return env_.time.now() - began_; }
    mail_router& mail() { return router_; }
    dead_letters& dead() { return dead_; }
    clock& time() override { return env_.time; }

    // By hand (contract §6). `name` is a child (`web`), one instance (`web.2`), or for a child with
    // instances all of them
    // (`web`). Each resumes when it is done, and returns in one line why it did not work; empty: it
    // is done. Nothing else in the tree is touched. None refers to a child across a wait: it may be
    // removed meanwhile.

    /// Ready, or idle for a demand child. Cuts a delay short; what was given up or stopped begins
    /// with fresh limits. A first try that fails is answered with an error; it counts, and is tried
    /// again like any other (contract §4).
    awaitable<std::string> start_child(std::string name);
    /// Down, and down it stays; a temporary child leaves the tree (OTP terminate_child). A second
    /// stop hurries the first.
    awaitable<std::string> stop_child(std::string name);
    /// A new process, ready. Counts nowhere. What was down is started.
    awaitable<std::string> restart_child(std::string name);

    /// A new child at the end of the order, started and ready. When its first start fails it is not
    /// kept (OTP start_child).
    awaitable<std::string> add_child(child_spec spec);
    /// Stops it and takes it out of the tree; mail that is left goes to the dead letters with
    /// reason `removed`.
    awaitable<std::string> remove_child(std::string name);
    /// `n` instances (1 to 10,000) of the child or of the name; those that stay are not touched.
    /// One that runs alone under its plain name goes on as `NAME.1`. Taken away are the highest
    /// numbers, in reverse; a new one whose first start fails is not kept, and the rest are not
    /// tried.
    awaitable<std::string> scale(std::string name, unsigned n);
    /// Makes the tree what the new file says, by its difference to the old file: children are
    /// removed (in reverse), added in their places, or restarted with their new spec and their
    /// mail; changed limits, strategy and `forward` hold at once. What did not change in the file
    /// is not touched, also where it was changed by hand since. A nested supervisor is told its
    /// part (request `reload` with `tree`, see ask_below). The errors of all parts, joined by "; ".
    awaitable<std::string> reload(supervisor_spec tree);

    /// The children that `name` means: a child, one instance, or all instances of a name; empty for
    /// none.
    std::vector<child*> members(std::string_view name) const;

    /// Publishes on this supervisor's noticeboard. `message` is JSON text; empty: a notice without
    /// one.
    void publish(const std::string& notice, const std::string& message,
                 const std::string& source = "supe");
    /// Hands every notice of these names (all but output when empty) to `listener`, the cached ones
    /// first.
    std::uint64_t listen(std::vector<std::string> names,
                         std::function<void(const published&)> listener);
    void stop_listening(std::uint64_t id);

    // Code in a supervisor: supervisor_code.hpp.

    /// A coroutine beside the children, from the start to the end of this supervisor. When it
    /// throws, the supervisor fails.
    void run_beside(std::function<awaitable<>(supervisor&)> code) { code_ = std::move(code); }
    /// Mail to `supe`, besides the notice `supervisor-mail` (contract §3). `from`: the plain name
    /// for its own child; `msg`: JSON text.
    void on_mail(std::function<void(std::string_view from, std::string_view msg)> handler) {
        on_mail_ = std::move(handler);
    }
    /// Publishes on the noticeboard of our own supervisor, as coming from this one; at the root on
    /// its own.
    void notify(const std::string& notice, const std::string& message);

    /// What became of mail sent from the control socket.
    using answer_handler = std::function<void(const std::string& id, std::string_view signal,
                                              std::string_view reason)>;
    void on_control_answers(answer_handler handler) { control_answers_ = std::move(handler); }
    /// Mail to `supe` that answers a call of ours (`re`). False where nobody waits for it: then it
    /// is mail like any other.
    using call_handler = std::function<bool(const std::string& call, std::string_view msg)>;
    void on_call_answers(call_handler handler) { call_answers_ = std::move(handler); }

    /// Performs a request of the control socket here; set by supe/control.
    using command_handler = std::function<awaitable<boost::json::value>(boost::json::object)>;
    void on_commands(command_handler handler) { commands_ = std::move(handler); }
    /// Sends a request to the nested supervisor of this name and waits for its answer; null when it
    /// is down, dies or gives no sign of life for 10 s. A request may take longer than that.
    awaitable<boost::json::value> ask_below(std::string nested, boost::json::object request);

    void log(std::string_view text) override {
        log_to(env_.sink, address_.empty() ? "/" : address_, text);
    }

private:
    struct pending_answer;

    /// Of one child: frames that mean nothing. Notices about them come at a bounded rate.
    struct strange_frames {
        std::uint64_t bad = 0;
        restart_intensity rate{{20, std::chrono::seconds(1)}};
    };

    /// A child, and what this supervisor keeps about it. Its three coroutines are in a nursery of
    /// its own: they end when it is removed.
    struct place {
        place(child_host& host, child_spec spec, std::string address, mail_endpoint stop,
              clock& time, nursery& all)
            : who(host, std::move(spec), std::move(address), std::move(stop)), tasks(time, all) {}
        child who;
        nursery tasks;
        std::shared_ptr<listening_sockets_of_child>
            sockets;             // all instances of a name have the same
        std::string group;       // the name that it is an instance of
        unsigned instance = 0;   // which; 0: none
        bool restarted = false;  // the start under way: notice `auto-restarted`
        milliseconds delay{};    // … and how long it waited
        bool took_mail =
            false;              // in this life: it dealt with some, so the next life has less to do
        unsigned failures = 0;  // ends that nobody asked for
        std::string failure_below;  // why a nested supervisor says that it fails
        std::vector<death> deaths;
        std::unique_ptr<strange_frames> strange;  // null: none yet
        strange_frames& strange_ones() {
            if (!strange) strange = std::make_unique<strange_frames>();
            return *strange;
        }
    };

    /// A child with instances: `NAME.1` to `NAME.N`, with one mailbox NAME (contract §5
    /// `instances`).
    struct group {
        int id = restarter::none;
        child_spec spec;                  // of the name
        std::map<unsigned, int> numbers;  // of the children, by instance; never empty
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
    void on_dead_letter(const envelope& mail, const std::string& recipient,
                        const std::string& reason, const mail_history& history) override;
    void on_undeliverable(const envelope& mail, const std::string& reason) override;
    void on_mail_waiting(mail_endpoint& stop) override;
    void on_control_answer(const mail_origin& origin, std::string_view signal,
                           std::string_view reason) override;

    // The three coroutines beside those of the children.
    awaitable<> decide();
    void open_journal();
    awaitable<> run_journal();
    awaitable<> run_uplink();
    awaitable<> run_code();

    awaitable<> join_the_removed();
    bool open_sockets();
    void perform(const restarter::actions& actions);
    void start(place& p, const restarter::action& a);
    void give_up(place& p, bool whole);
    void remove(place& p);
    void booted();
    void report_failure(std::string_view why);
    void end(bool cleanly);

    place& place_of(const child& c) { return places_.at(c.number()); }
    place& create(child_spec spec);
    place& create_instance(group& g, unsigned instance);
    place& put(child_spec spec, mail_endpoint stop);
    group& create_group(const child_spec& spec);
    group& make_group(place& alone);
    /// What mail and excessive crashes are known by: of an instance the name of all.
    const std::string& public_name(const place& p) const {
        return p.instance ? p.group : p.who.spec().name;
    }
    std::string note_death(place& p, bool clean);

    /// A try to bring a child up: it has come up in a life beyond this one, or has failed once more
    /// than then.
    struct attempt {
        int number;
        std::string address;
        std::uint64_t life;
        unsigned failures;
    };
    attempt attempt_at(const child& c, bool new_life) const;
    awaitable<std::string> came_up(attempt tried);
    /// What the tree file says of a child, for the next reload to compare with. As text it takes
    /// little room.
    struct written_child {
        std::string name;
        std::string spec;  // JSON
        unsigned instances;
    };
    static std::vector<written_child> written(const std::vector<child_spec>& children);

    /// Somebody waits for this child's first start: remove() notes why it was in vain.
    class adding {
    public:
        adding(supervisor& s, int number) : refusals_(s.refusals_), number_(number) {
            refusals_[number];
        }
        ~adding() { refusals_.erase(number_); }
        const std::string& refusal() const { return refusals_.at(number_); }

    private:
        std::map<int, std::string>& refusals_;
        int number_;
    };
    std::string refusal_of(const child_spec& spec) const;
    awaitable<std::string> add_behind(child_spec spec, int behind);
    awaitable<std::string> add_instances(child_spec spec,
                                         std::shared_ptr<listening_sockets_of_child> sockets,
                                         int behind);
    awaitable<std::string> first_start(int number, restarter::position where);
    awaitable<std::string> reload_child(child_spec spec, unsigned instances_before, int behind);
    awaitable<std::string> reload_one(int number, child_spec spec);
    awaitable<std::string> reopen_sockets(child_spec spec);
    void change(place& p, const child_spec& spec);
    awaitable<std::string> reload_below(std::string nested, supervisor_spec tree);
    static child_spec as_child(child_spec spec);
    static std::shared_ptr<listening_sockets_of_child> sockets_for(const child_spec& spec);

    void on_signal(child& c, const signal_frame& frame);
    bool on_signal_from_nested(child& c, const signal_frame& frame);
    void on_noticeboard_request(child& c, std::string_view data);
    void on_uplink_frame(std::string_view frame);
    void on_answer(std::string_view signal, const boost::json::object& data);
    void wake_askers();
    awaitable<> answer_command(std::string id, boost::json::object request);
    awaitable<boost::json::value> perform_command(boost::json::object request);

    static std::uint64_t watcher_of(const child& c);
    std::string start_data(const child& c) const;
    bool is_watched(const std::string& notice) const;
    bool is_output_notice(std::string_view notice) const;
    void publish_about(const std::string& name, std::string_view what,
                       std::string_view fields = {});
    bool send_to_watcher(std::uint64_t watcher, const std::string& notice,
                         const std::string& message);
    void on_pipe_failure(std::uint64_t watcher, const std::string& notice);
    void send_notice_up(const std::string& notice, const std::string& message);

    supervisor_environment env_;
    supervisor_spec spec_;                // of this supervisor; its children's are theirs
    std::vector<written_child> written_;  // the children as in the tree file, of the last reload
    std::string address_;
    std::shared_ptr<channel> uplink_;
    std::vector<std::string> early_frames_;
    restarter restarter_;
    noticeboard board_;
    std::unique_ptr<journal> journal_;
    mail_router router_;
    nursery tasks_;
    timer changed_;                                     // a child changed, or the end has come
    int last_number_ = -1;                              // of a child; never used again
    std::unordered_map<int, place> places_;             // by number
    std::map<std::string, int, std::less<>> numbers_;   // by name
    std::map<std::string, group, std::less<>> groups_;  // by name
    int last_group_ = -1;
    std::vector<std::unordered_map<int, place>::node_type>
        leaving_;  // removed, their coroutines not yet joined
    std::map<int, std::string>
        refusals_;  // why children that are being added could not be started, by number
    std::map<std::uint64_t,
             std::pair<std::vector<std::string>, std::function<void(const published&)>>>
        listeners_;
    std::uint64_t last_listener_ = 0;
    std::map<std::string, pending_answer*> asked_;
    std::uint64_t last_question_ = 0;
    dead_letters dead_;
    answer_handler control_answers_;
    call_handler call_answers_;
    command_handler commands_;
    std::function<awaitable<>(supervisor&)> code_;
    std::function<void(std::string_view, std::string_view)> on_mail_;
    time_point began_{};
    bool booted_ = false;
    bool over_ = false;
    bool clean_ = true;
    bool stop_requested_ = false;
};

}  // namespace supe
