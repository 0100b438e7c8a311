// Requests and answers between a supervisor and those below it, and what it reports to the one
// above. The frames are between supervisors alone; what a request asks for is read elsewhere.
#pragma once

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

/// What one supervisor asks of the next one below: a command of the control socket, passed on as it
/// is, or to become this tree (a reload).
struct supervisor_request {
    enum class kind { command, reload } what = kind::command;
    boost::json::value body;  ///< the command, or the tree as to_json() prints it
};

/// The channel to the supervisor above: what goes up on it.
class uplink {
public:
    uplink(std::shared_ptr<channel> link, outbox& out) : link_(std::move(link)), out_(out) {}

    channel& link() { return *link_; }

    void send_ready();
    void send_failed(std::string_view why);
    /// As published by us on the noticeboard above. It carries no source: above it comes from the
    /// child that we are there.
    void send_notice(const std::string& notice, const std::string& message);
    /// The request of this id takes longer than a moment.
    void send_working(const std::string& id);
    void send_answer(const std::string& id, const boost::json::value& answer);

    struct asked {
        std::string id;
        supervisor_request request;
    };
    /// The `data` of a SUPE-ASK; nothing where it is malformed.
    static std::optional<asked> read_request(std::string_view data);

private:
    void send(signal_kind kind, std::string_view data = {});

    std::shared_ptr<channel> link_;
    outbox& out_;
};

/// The requests to supervisors below that wait for their answers.
class nested_requests {
public:
    explicit nested_requests(clock& time) : time_(time) {}

    /// Sends a request and waits for the answer; null when `nested` is down, dies or gives no sign
    /// of life for 10 s. A request may take longer than that. `nested` may be removed meanwhile.
    awaitable<boost::json::value> ask(child& nested, supervisor_request request);
    /// A SUPE-ANSWER or SUPE-WORKING came from below.
    void on_signal(const signal_frame& frame);
    /// A supervisor below ended: whoever waits for its answer waits no longer.
    void on_ended(const child& nested);

private:
    struct pending;
    clock& time_;
    std::map<std::string, pending*> pending_;  // by id
    std::uint64_t last_id_ = 0;
};

}  // namespace supe
