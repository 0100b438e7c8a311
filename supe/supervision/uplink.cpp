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

std::size_t uplink::send_answer(const std::string& id, const boost::json::value& answer) {
    const std::string text = boost::json::serialize(answer);
    send(signal_kind::supe_answer,
         fmt::format(R"({{"id":{},"answer":{}}})", json_quoted(id), text));
    return text.size();
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

awaitable<boost::json::value> nested_requests::ask(child& nested, supervisor_request request) {
    if (!nested.link()) co_return boost::json::value();
    const std::string id = std::to_string(++last_id_);
    waiters& all = waiters_.try_emplace(nested.number(), time_).first->second;
    waiters::waiter answer(all, id);
    nested.signal(signal_kind::supe_ask,
                  fmt::format(R"({{"id":"{}","{}":{}}})", id, member_of_kind(request.what),
                              boost::json::serialize(request.body)));
    answer.expires_at(time_.now() + answer_limit);
    while (answer.is_waiting()) co_await answer.changed();
    co_return answer.take().value_or(boost::json::value());
}

void nested_requests::on_signal(const child& nested, const signal_frame& frame) {
    const auto all = waiters_.find(nested.number());
    if (all == waiters_.end()) return;
    auto data = parse_object(frame.data);
    const std::string id = string_of(data, "id");
    if (frame.kind == signal_kind::supe_working) {
        all->second.set_deadline(id, time_.now() + answer_limit);
        return;
    }
    auto* answer = data.if_contains("answer");
    all->second.answer(id, answer ? std::move(*answer) : boost::json::value());
}

void nested_requests::on_ended(const child& nested) {
    const auto all = waiters_.find(nested.number());
    if (all != waiters_.end()) all->second.answer_all(boost::json::value());
}

}  // namespace supe
