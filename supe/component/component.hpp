// The component's side of the channel: what the author of a component includes.
//
//     supe::awaitable<> greeter(supe::component& self) {
//         while (auto mail = co_await self.receive()) {
//             co_await self.send("/journal", mail->body());
//             mail->ack();
//         }
//     }
//     int main(int argc, char** argv) { return supe::run_component(greeter); }
#pragma once

#include "supe/async/clock.hpp"
#include "supe/async/race.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace supe {

class component;

/// Why a mail did not arrive (contract §2, MAIL-UNDELIVERABLE), or why a wait for its answer ended.
enum class mail_error {
    unknown_address = 1,
    mailbox_full,
    dead_lettered,
    removed,
    supervisor_died,
    timed_out,
    channel_closed
};
error_code make_error_code(mail_error);

/// What is sent: JSON text, whose bytes arrive unchanged, or a JSON value. A string is always text:
/// `tell("web", R"("hello")")`, or `tell("web", boost::json::string("hello"))`.
class json_body {
public:
    json_body(std::string json) : text(std::move(json)) {}
    json_body(std::string_view json) : text(json) {}
    json_body(const char* json) : text(json) {}
    json_body(const boost::json::value& value);
    json_body(boost::json::object value) : json_body(boost::json::value(std::move(value))) {}
    json_body(boost::json::array value) : json_body(boost::json::value(std::move(value))) {}
    json_body(boost::json::string value) : json_body(boost::json::value(std::move(value))) {}
    template <class T>
        requires(std::is_arithmetic_v<T> || std::is_null_pointer_v<T>)
    json_body(T value) : json_body(boost::json::value(value)) {}
    /// `{{"id", 7}}`. Where the call is awaited, name the body first: g++ 12 miscompiles braces in
    /// the expression of a co_await.
    json_body(std::initializer_list<boost::json::value_ref> value)
        : json_body(boost::json::value(value)) {}

    std::string text;
};

/// How much receive_batch() takes at once. What is over 0 counts; a limit of 0 is none.
struct batch_limits {
    std::size_t count = 0;
    std::size_t bytes = 0;  ///< of bodies: the mail that reaches it is the last one
    duration wait{};        ///< how long the first mail waits for others; 0: for no other
};

/// A mail that was delivered. Until it is acknowledged it is delivered again after a crash
/// (contract §3). Movable; the component must outlive it. To drop it acknowledges nothing.
class mail {
public:
    mail() = default;  ///< to be assigned to
    const std::string& from()
        const;  ///< plain name for a sibling, `supe` for the supervisor, else an absolute address
    const std::string& id() const;     ///< unique in the tree, the same over all attempts
    unsigned attempt() const;          ///< 1, or more where it may have been handled before
    const std::string& body() const;   ///< the JSON text of `msg`, byte for byte
    boost::json::value value() const;  ///< `msg`, parsed
    std::string bytes()
        const;  ///< what body_of() was given; throws std::runtime_error where `msg` is no base64
    const std::string& answers() const;  ///< the id of the call that it answers (`re`), or empty
    const std::string& call()
        const;  ///< the id that an answer should carry (its `call` member, else its id)

    // None of these waits.

    void ack();
    /// Refuses it: it becomes a dead letter.
    void reject(std::string reason = {});
    /// Puts it back into the mailbox, where it was: it is delivered again.
    void requeue(std::string reason = {});
    /// Answers a call: a mail to its sender with `re`. Errors are those of component::tell().
    void answer(json_body body);

    struct content;

private:
    friend class component;
    mail(component& self, std::shared_ptr<content> arrived)
        : content_(std::move(arrived)), self_(&self) {}
    std::shared_ptr<content> content_;
    component* self_ = nullptr;
};

/// Bytes of any kind as the body of a mail: a JSON string of base64 (RFC 4648 §4), a third longer,
/// so that 12 MiB less addresses fit into a frame. The recipient's mail::bytes() gives them back;
/// in other languages any base64 does.
std::string body_of(std::string_view bytes);

/// One notice, as a watcher gets it.
struct notice {
    std::string name;
    boost::json::value message;  ///< null where the notice had none, or a falsy one (contract §2)
};

/// A watch on one notice name. Ends with this object, or with the component.
class watch {
public:
    /// The cached one first (where there is one), then each new one, in order. Nothing when the
    /// channel is closed.
    awaitable<std::optional<notice>> next();
    struct state;

private:
    friend class component;
    std::shared_ptr<state> state_;
};

struct watch_options {
    bool use_cache = true;  ///< begin with the last message of the name, where there is one
};

/// What a supervisor knows about one of its children.
struct sibling_status {
    unsigned instances = 0;  ///< in the tree; 1 where it has none
    unsigned running = 0;    ///< those of them that have a process
    std::size_t queued = 0;  ///< mail in its mailbox that is not delivered
    std::size_t in_flight = 0;
};

/// One's own supervisor, asked about siblings: children of the same supervisor, by their plain
/// names. It performs orders as those of an operator (contract §6), where the tree file allows
/// them: `"may": ["scale"]` in the child that asks (contract §5). Each resumes when it is done.
/// Throws std::runtime_error with the reason where it is refused or fails,
/// system_error(channel_closed) where the supervisor is gone. An order goes on to its end without
/// the one who gave it.
class own_supervisor {
public:
    awaitable<> start(std::string name);
    awaitable<> stop(std::string name);
    awaitable<> restart(std::string name);
    /// Makes it `n` instances, from 1.
    awaitable<> scale(std::string name, unsigned n);
    /// Any component may ask this, also about itself.
    awaitable<sibling_status> status(std::string name);

private:
    friend class component;
    explicit own_supervisor(component& self) : self_(&self) {}
    component* self_;
};

/// The connection to one's supervisor. One thread; every coroutine of the component may use it at
/// once.
class component {
public:
    struct options {
        std::size_t frame_limit = 16 << 20;  ///< bytes, in both directions
        std::size_t notice_limit = 1024;     ///< unread notices kept per watch, the newest
        /// Bytes that wait for a supervisor that does not read: what waits then waits for room,
        /// and what does not wait throws system_error(no_buffer_space).
        std::size_t backlog_limit = 256u << 20;
    };

    /// Takes over `channel_fd`, this end of the channel. `name` and `address` as the supervisor
    /// gave them.
    component(clock& c, int channel_fd, std::string name, std::string address, options o);
    component(clock& c, int channel_fd, std::string name, std::string address);
    ~component();
    component(const component&) = delete;
    component& operator=(const component&) = delete;

    /// Reads the channel until it closes; owned by whoever runs the component (run_component, the
    /// simulation).
    awaitable<> serve();

    const std::string& name() const;
    const std::string& address() const;
    clock& time();
    /// The config of the tree file (SUPE-START); asks for it on first use and waits for it.
    awaitable<boost::json::value> config();

    /// Tells the supervisor that starting is done (`"ready": "signal"`).
    void ready();
    /// Tells the watchdog that this component is alive.
    void alive();
    /// Says in a line what it is doing: `supe status NAME` shows it for as long as this process
    /// lives. At most 200 bytes are shown, without control characters; an empty one takes it away.
    void status(std::string_view line);
    own_supervisor supervisor() { return own_supervisor(*this); }

    /// The next mail; the first call makes the component ready to receive, with up to `window`
    /// unacknowledged mails at once. Nothing when asked to shut down, or when the supervisor is
    /// gone.
    awaitable<std::optional<mail>> receive();
    /// As receive(), and nothing at the deadline.
    awaitable<std::optional<mail>> receive_until(time_point deadline);
    /// The next mail, as receive(), with whatever else has arrived within the limits. The window
    /// should be as large as a batch: set_window(). Empty when asked to shut down (a batch that is
    /// not full then is left to the next life), and where no mail came until `deadline`.
    awaitable<std::vector<mail>> receive_batch(batch_limits limits, time_point deadline = never);
    /// What has arrived and was not received yet, also when asked to shut down: for a component
    /// that has to finish what its siblings left behind, because no next life of it may come. It
    /// gets no more then.
    std::vector<mail> take_arrived();
    /// How many mails it gets unacknowledged at once; 1 by default, and for 0. Precondition: it
    /// does not receive: before the first receive(), or after pause().
    void set_window(unsigned n);
    /// Asks for no more mail; receive() starts it again.
    void pause();
    /// As pause(), and puts back what was delivered and not received yet: another instance can have
    /// it at once.
    void give_back();

    // A body is JSON text or a value. One that is no JSON is std::invalid_argument, one too large
    // for a frame system_error(message_size), both at once. What is no coroutine never waits:
    // where the supervisor does not read it throws system_error(no_buffer_space) at
    // `backlog_limit`. flushed() waits until it has read.

    /// Fire and forget. A failure becomes notice `mail-undeliverable`.
    void tell(std::string to, json_body body);
    /// Resumes when the mail is in the recipient's mailbox. Throws system_error(mail_error).
    awaitable<> send(std::string to, json_body body);
    /// Resumes when the recipient has acknowledged it. Throws system_error(mail_error): the mail
    /// is still the caller's then, and leaves no dead letter (contract §2 `dead_letter`).
    awaitable<> deliver(std::string to, json_body body);
    /// As deliver(), with an error code instead of a throw; timed_out at the deadline (the mail may
    /// arrive all the same).
    awaitable<error_code> try_deliver(std::string to, json_body body, time_point deadline = never);
    /// Sends and waits for the mail that answers it. Throws system_error(mail_error), timed_out at
    /// the deadline. An ack without an answer is none.
    awaitable<mail> call(std::string to, json_body body, time_point deadline = never);

    /// Answers a call whose mail is acknowledged already: `to` is its from(), `call` its call().
    void answer(std::string to, std::string_view call, json_body body);

    /// Watches a notice on the supervisor's noticeboard. Resumes when the watch is in force; throws
    /// std::runtime_error when it is refused, std::invalid_argument where the name is empty. Where
    /// this component watches it already, its cache is the last message that the component got.
    awaitable<watch> watch_notice(std::string name, watch_options options = {});
    /// Publishes a notice there: `NAME`, seen by watchers as coming from this child. Errors as with
    /// mail.
    void notify(std::string name, json_body message);

    /// Resumes when the supervisor asked to finish (SUPE-SHUTDOWN), SIGTERM came, or the channel
    /// closed.
    awaitable<> shutdown_requested();
    /// As above, and at the deadline: a sleep that a shutdown cuts short.
    awaitable<> shutdown_requested_until(time_point deadline);
    bool shutting_down() const;
    /// As if the supervisor had asked: used for SIGTERM, and by a component that ends of its own
    /// will.
    void request_shutdown();

    /// Resumes when all that was sent, acknowledged and notified so far has left for the
    /// supervisor.
    awaitable<> flushed();

private:
    friend class mail;
    friend class own_supervisor;
    struct impl;
    std::unique_ptr<impl> impl_;
};

using component_main = std::function<awaitable<>(component&)>;

/// Runs `body` as this process's component, with the channel that the environment names (contract
/// §2). SIGTERM and SIGINT ask it to shut down. Returns the exit code: 0 when `body` returned, 1
/// when it threw (the error is printed to stderr), 2 where there is no channel.
int run_component(component_main body);

/// The listening sockets that the supervisor gave us (LISTEN_FDS), in the order of the tree file's
/// `listen`.
std::vector<int> listening_sockets();

}  // namespace supe

template <>
struct boost::system::is_error_code_enum<supe::mail_error> : std::true_type {};
