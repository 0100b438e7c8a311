// What a component keeps about its channel. Private to supe/component.
#pragma once

#include "supe/async/waiters.hpp"
#include "supe/channel/channel.hpp"
#include "supe/channel/message.hpp"
#include "supe/component/component.hpp"

#include <deque>
#include <unordered_map>

namespace supe {

struct mail::content {
    std::string from, id, body, answers, call;
    unsigned attempt = 1;
};

struct watch::state {
    explicit state(clock& c) : arrived(c) {}
    std::deque<notice> unread;
    bool confirmed = false;
    std::string refusal;
    bool closed = false;
    timer arrived;
};

/// Where a mail that is not acknowledged goes.
enum class refusal { dead_letter, requeue };

/// How a call ended: with an answer, or an error.
struct call_outcome {
    error_code error;
    std::shared_ptr<mail::content> answer;
};

/// What the supervisor answered; without an error and a refusal it was done.
struct supervisor_answer {
    error_code error{};
    std::string refusal{};
    std::string status{};  // JSON
};

struct component::impl {
    /// A notice that this component has a pipe for: one, however many watches it feeds.
    struct watched {
        std::vector<std::weak_ptr<watch::state>> watches;
        std::optional<boost::json::value> last;  ///< the cache for a watch that joins later
        bool confirmed = false;
    };

    impl(component& owner, clock& c, int fd, std::string name, std::string address, options o);

    component& self;
    clock& time;
    std::string name, address;
    options limits;
    std::string life;  // begins the name of each call
    channel wire;

    std::optional<boost::json::value> config;
    bool closed = false;
    bool shutdown = false;
    condition changed;  // config, shutdown, closed
    condition written;  // nothing waits to be written any more, or the channel is closed
    timer dirty;        // the writer has something to do
    bool write_wanted = false;
    static constexpr std::size_t early_write = 64 << 10;  // bytes
    std::size_t write_early_at = early_write;

    unsigned window = 1;
    bool receiving = false;
    std::deque<std::shared_ptr<mail::content>> inbox;
    condition mail_arrived;
    std::string ack_ids;  // `"a","b"`: gathered, and written as one signal

    std::uint64_t last_id = 0;
    // By the id that we gave the mail.
    waiter_table<std::string, error_code> awaiting_acceptance;
    waiter_table<std::string, error_code> awaiting_ack;
    waiter_table<std::string, call_outcome> awaiting_answer;
    waiter_table<std::string, supervisor_answer> awaiting_supervisor;
    std::unordered_map<std::string, watched> watches;

    // Outwards
    void signal(std::string_view signal_name, std::string_view data = {});
    /// The supervisor does not read, and as much waits for it as may.
    bool is_full() const { return wire.backlog() >= limits.backlog_limit; }
    /// message_size where the frame would be too long for the supervisor, no_buffer_space where
    /// is_full(); throws std::invalid_argument where `body` is not JSON.
    error_code post_mail(std::string_view to, std::string_view body, std::string_view extras);
    void acknowledge(const std::string& id);
    void refuse(const std::string& id, refusal how, const std::string& reason);
    enum class goal { accepted, acknowledged };
    awaitable<error_code> send_and_wait(std::string to, std::string body, goal until,
                                        time_point deadline);
    awaitable<std::shared_ptr<mail::content>> call_and_wait(std::string to, std::string body,
                                                            time_point deadline);
    awaitable<std::string> ask_supervisor(std::string what, std::string whom,
                                          std::optional<unsigned> instances);
    awaitable<std::shared_ptr<watch::state>> start_watch(std::string notice_name,
                                                         watch_options options);

    // The two coroutines of a component: one reads the channel, the other writes to it.
    awaitable<> serve();
    awaitable<> read_loop();
    awaitable<> write_loop();
    void want_write();
    void write_now();
    bool unwritten() const { return wire.backlog() > 0 || !ack_ids.empty(); }

    // Inwards
    void on_frame(std::string_view frame);
    void on_mail(const mail_frame& frame);
    void on_signal(const signal_frame& frame);
    void on_start(std::string_view data);
    void on_outcome(std::string_view signal_name, std::string_view data);
    void on_answer(std::shared_ptr<mail::content> answer);
    void on_supervisor_answer(std::string_view data);
    void on_watch_answer(std::string_view data);
    void on_notice(std::string_view data);
    void begin_shutdown();
    void on_closed();
};

}  // namespace supe
