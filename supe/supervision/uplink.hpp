// The frames between supervisors alone: requests to nested supervisors and their answers, and what
// a supervisor reports to the one above. Others perform the requests.
#pragma once

#include "supe/async/waiters.hpp"
#include "supe/channel/channel.hpp"
#include "supe/channel/message.hpp"
#include "supe/channel/outbox.hpp"
#include "supe/supervision/child.hpp"

#include <boost/json/value.hpp>
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
    boost::json::value body;  ///< the command, or the tree as to_json() prints it
};

/// The channel to the supervisor above.
class uplink {
public:
    uplink(std::shared_ptr<channel> link, outbox& out) : link_(std::move(link)), out_(out) {}

    channel& link() { return *link_; }

    void send_ready();
    void send_failed(std::string_view why);
    /// Publishes a notice on the noticeboard above, where the source is this supervisor's name as a
    /// child.
    void send_notice(const std::string& notice, const std::string& message);
    /// The request with this id is still under way.
    void send_working(const std::string& id);
    /// Returns the size of the answer's text.
    std::size_t send_answer(const std::string& id, const boost::json::value& answer);

    struct asked {
        std::string id;
        supervisor_request request;
    };
    /// Reads the `data` of a SUPE-ASK; nothing when it is malformed.
    static std::optional<asked> read_request(std::string_view data);

private:
    void send(signal_kind kind, std::string_view data = {});

    std::shared_ptr<channel> link_;
    outbox& out_;
};

/// The requests to nested supervisors that wait for an answer.
class nested_requests {
public:
    explicit nested_requests(clock& time) : time_(time) {}

    /// Sends a request and waits for the answer. Null when `nested` is down, dies, or sends neither
    /// the answer nor SUPE-WORKING for 10 s. `nested` may be removed meanwhile.
    awaitable<boost::json::value> ask(child& nested, supervisor_request request);
    /// A SUPE-ANSWER or SUPE-WORKING from a nested supervisor.
    void on_signal(const child& nested, const signal_frame& frame);
    /// A nested supervisor ended: its requests have no answer.
    void on_ended(const child& nested);

private:
    using waiters = waiter_table<std::string, boost::json::value>;
    clock& time_;
    std::map<int, waiters> waiters_;  // by the number of the supervisor that is asked, then by id
    std::uint64_t last_id_ = 0;
};

}  // namespace supe
