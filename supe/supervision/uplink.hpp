// The frames between supervisors alone: requests to nested supervisors and their answers, and what
// a supervisor reports to the one above. Others perform the requests.
#pragma once

#include "supe/async/waiters.hpp"
#include "supe/channel/channel.hpp"
#include "supe/channel/message.hpp"
#include "supe/channel/outbox.hpp"
#include "supe/supervision/child.hpp"

#include <boost/json/value.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace supe {

/// A request to a nested supervisor: a command of the control socket, unchanged, or a new tree (a
/// reload).
struct supervisor_request {
    enum class kind { command, reload } what = kind::command;
    /// The command, or the tree as to_json() prints it. The `mails` of a command are JSON text.
    boost::json::value body;
};

/// Bytes. A larger request, or answer, is refused: a request is one frame (contract §2). An answer
/// goes in pieces, which are small, so that the turns of both sides are short.
struct request_limits {
    static constexpr std::size_t request = default_frame_limit + delivery_overhead / 2;
    static constexpr std::size_t answer = std::size_t{64} << 20;
    static constexpr std::size_t piece = 256u << 10;
    static constexpr std::size_t unsent = 64u << 20;   ///< all that wait for room on a channel
    static constexpr std::size_t unread = 2 * answer;  ///< pieces of all answers that still come
};

/// An answer on its way up: its text goes in pieces, where it is longer than one frame should be.
class outgoing_answer {
public:
    /// One that is larger than its limit becomes an error.
    outgoing_answer(std::string id, const boost::json::value& answer);

    /// The `data` of the next SUPE-ANSWER. Precondition: !is_sent().
    std::string next();
    bool is_sent() const { return sent_ == text_.size(); }
    std::size_t size() const { return text_.size(); }

private:
    std::string id_;
    std::string text_;
    std::size_t sent_ = 0;
};

/// The channel to the supervisor above, which may be slow to read it. What goes up here, and the
/// mail that goes beside it (supe/mail), keep to channel::upward. Answers about mail from above
/// always go: they are as many as that mail.
class uplink {
public:
    uplink(std::shared_ptr<channel> link, outbox& out, clock& time)
        : link_(std::move(link)), out_(out), moved_(time) {}

    channel& link() { return *link_; }
    /// Call it after each turn of the channel.
    void after_turn() { moved_.notify(); }

    void send_ready();
    void send_failed(std::string_view why);
    /// Publishes a notice on the noticeboard above, where the source is this supervisor's name as a
    /// child. `message`: JSON text; empty counts as null. False where there is no room: the notice
    /// is lost.
    bool send_notice(std::string_view notice, std::string_view message);
    /// The request with this id is still under way. Left out where there is no room.
    void send_working(const std::string& id);
    /// Sends the next piece. Send it when there is room: answers are not kept twice.
    void send_piece_of(outgoing_answer& answer);
    bool has_room() { return link_->has_room(channel::upward::answer); }
    /// `co_await moved()` resumes when there may be room.
    auto moved() { return moved_.wait(); }

    struct asked {
        std::string id;
        supervisor_request::kind what;
        std::string body;  ///< JSON text

        /// Reads the body.
        supervisor_request request() const;
    };
    /// Reads the `data` of a SUPE-ASK, but for the body; nothing when it is malformed.
    static std::optional<asked> read_request(std::string_view data);

private:
    void send(signal_kind kind, std::string_view data = {});
    bool has_room_for_notice();

    struct sent_notice {
        std::uint64_t end;  ///< among all bytes of the channel
        std::size_t bytes;
    };
    std::shared_ptr<channel> link_;
    outbox& out_;
    timer moved_;
    std::deque<sent_notice> notices_;  // that may be unwritten
    std::size_t notice_bytes_ = 0;     // of these
};

/// The requests to nested supervisors that wait for an answer.
class nested_requests {
public:
    explicit nested_requests(clock& time) : time_(time) {}

    /// Sends a request and waits for the answer. A supervisor that does not read costs little: a
    /// request waits while more than channel::backlog_limit is unread, and is never sent when it
    /// has waited for 10 s, or where request_limits::unsent wait already. Null then, and when
    /// `nested` is down, dies, or sends neither the answer nor SUPE-WORKING for 10 s. An error, as
    /// supe/control has them, where the request or the answer is too large. `nested` may be removed
    /// meanwhile. The wait ends, with null, when `is_wanted` is false at a look_again().
    awaitable<boost::json::value> ask(child& nested, supervisor_request request,
                                      std::function<bool()> is_wanted);
    /// What somebody waits for may have become unwanted.
    void look_again();
    /// After each turn of its channel: it may have room for a request that waits.
    void after_turn(const child& nested);
    /// A SUPE-ANSWER or SUPE-WORKING from a nested supervisor.
    void on_signal(const child& nested, const signal_frame& frame);
    /// A nested supervisor ended: its requests have no answer.
    void on_ended(const child& nested);
    /// To how many supervisors requests are open.
    std::size_t asked() const { return asked_.size(); }

private:
    /// The open requests to one supervisor, by id.
    struct questions {
        explicit questions(clock& time) : waiters(time) {}
        waiter_table<std::string, boost::json::value> waiters;
        std::map<std::string, std::string> pieces;  // of answers that are still coming
    };
    static bool has_room(const child& nested);
    void on_piece(questions& asked, const std::string& id, std::string_view piece, bool is_last);
    void forget_pieces(questions& asked, const std::string& id);
    clock& time_;
    std::map<int, questions> asked_;  // by the number of the supervisor
    std::uint64_t last_id_ = 0;
    std::size_t unsent_ = 0;  // bytes of requests that wait for room
    std::size_t unread_ = 0;  // bytes of all pieces
};

}  // namespace supe
