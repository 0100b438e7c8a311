#include "supe/supervision/uplink.hpp"

#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

namespace supe {
namespace {

using namespace std::chrono_literals;

constexpr milliseconds answer_limit = 10s;  // since the request or the last SUPE-WORKING

constexpr const char* member_of_kind(supervisor_request::kind kind) {
    return kind == supervisor_request::kind::reload ? "tree" : "request";
}

}  // namespace

// --- up ---

void uplink::send(signal_kind kind, std::string_view data) {
    append_signal(link_->out(), kind, data);
    out_.add(*link_);
}

void uplink::send_ready() { send(signal_kind::component_ready); }

void uplink::send_failed(std::string_view why) {
    send(signal_kind::supe_failed, fmt::format(R"({{"why":{}}})", json_quoted(why)));
}

void uplink::send_notice(const std::string& notice, const std::string& message) {
    send(signal_kind::noticeboard_request,
         fmt::format(R"({{"type":"notify","notice":{},"message":{}}})", json_quoted(notice),
                     message.empty() ? "null" : message));
}

void uplink::send_working(const std::string& id) {
    send(signal_kind::supe_working, fmt::format(R"({{"id":{}}})", json_quoted(id)));
}

void uplink::send_answer(const std::string& id, const boost::json::value& answer) {
    send(signal_kind::supe_answer, fmt::format(R"({{"id":{},"answer":{}}})", json_quoted(id),
                                               boost::json::serialize(answer)));
}

std::optional<uplink::asked> uplink::read_request(std::string_view text) {
    auto data = parse_object(text);
    for (const auto kind : {supervisor_request::kind::command, supervisor_request::kind::reload}) {
        auto* body = data.if_contains(member_of_kind(kind));
        if (body && body->is_object())
            return asked{string_of(data, "id"), {kind, std::move(*body)}};
    }
    return std::nullopt;
}

// --- down ---

/// A request that waits for its answer. `done` wakes it when the answer has come, or the supervisor
/// ended.
struct nested_requests::pending {
    pending(nested_requests& requests, const child& nested)
        : done(requests.time_), all(requests.pending_), id(std::to_string(++requests.last_id_)),
          number(nested.number()) {
        all[id] = this;
    }
    ~pending() { all.erase(id); }
    pending(const pending&) = delete;

    enum class state { waiting, answered, gone } now = state::waiting;
    boost::json::value value;
    timer done;
    std::map<std::string, pending*>& all;
    std::string id;
    int number;  // of the nested supervisor
};

awaitable<boost::json::value> nested_requests::ask(child& nested, supervisor_request request) {
    if (!nested.link()) co_return boost::json::value();
    pending answer(*this, nested);
    nested.signal(signal_kind::supe_ask,
                  fmt::format(R"({{"id":"{}","{}":{}}})", answer.id, member_of_kind(request.what),
                              boost::json::serialize(request.body)));
    answer.done.expires_at(time_.now() + answer_limit);
    while (answer.now == pending::state::waiting && time_.now() < answer.done.expiry())
        co_await answer.done.wait();
    co_return std::move(answer.value);
}

void nested_requests::on_signal(const signal_frame& frame) {
    auto data = parse_object(frame.data);
    const auto asked = pending_.find(string_of(data, "id"));
    if (asked == pending_.end()) return;
    pending& waiting = *asked->second;
    if (frame.kind == signal_kind::supe_working)
        return waiting.done.expires_at(time_.now() + answer_limit);
    if (auto* answer = data.if_contains("answer")) waiting.value = std::move(*answer);
    waiting.now = pending::state::answered;
    waiting.done.notify();
}

void nested_requests::on_ended(const child& nested) {
    for (const auto& [id, waiting] : pending_) {
        if (waiting->number != nested.number() || waiting->now != pending::state::waiting) continue;
        waiting->now = pending::state::gone;
        waiting->done.notify();
    }
}

}  // namespace supe
