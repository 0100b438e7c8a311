#include "supe/supervision/uplink.hpp"

#include "supe/supervision/large_answer.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/json/serialize.hpp>

namespace supe {
namespace {

using namespace std::chrono_literals;

constexpr milliseconds patience = 10s;  // since the request or the last sign of work

constexpr const char* member_of_kind(supervisor_request::kind kind) {
    return kind == supervisor_request::kind::reload ? "tree" : "request";
}

/// The list of a `restore` (supe/control): JSON text.
constexpr std::string_view list_member = "mails";

/// A list stands in the frame as its text does, where that is one line and not nested too deep:
/// as a string, one of full size may be twice as long.
std::string body_text(supervisor_request request) {
    auto* const command = request.body.if_object();
    const auto* const list = command ? command->if_contains(list_member) : nullptr;
    const bool is_text = list && list->is_string();
    if (request.what != supervisor_request::kind::command || !is_text)
        return boost::json::serialize(request.body);
    const boost::json::string in_place = std::move(list->get_string());
    command->erase(list_member);
    // In brackets: the frame nests it one deeper.
    std::string text = "[" + boost::json::serialize(*command);
    text.reserve(text.size() + in_place.size() + 64);  // with what ask() adds
    text.back() = command->empty() ? ' ' : ',';
    text += json_quoted(list_member) + ":";
    text += std::string_view(in_place);
    text += "}]";
    if (std::string_view(in_place).find('\n') == std::string_view::npos && is_json(text)) {
        text.pop_back();
        text.erase(0, 1);
        return text;
    }
    (*command)[list_member] = in_place;
    return boost::json::serialize(*command);
}

/// The reverse: what was in place is text again, and is not built.
boost::json::object command_of(std::string_view text) {
    boost::json::object command;
    for (json_members members(text); members.next();) {
        const std::string_view value = members.value();
        const bool in_place = members.key() == list_member && !value.starts_with('"');
        command[members.key()] = in_place ? boost::json::value(boost::json::string(value))
                                          : parse_json(value).value_or(nullptr);
    }
    return command;
}

/// As supe/control has them (exit code 1 of the command line).
boost::json::value refusal(const char* what, std::size_t size, std::size_t limit) {
    return boost::json::object{
        {"error",
         fmt::format("the {} is too large: {} bytes, and the limit is {}", what, size, limit)},
        {"code", 1}};
}

/// The longest beginning of at most `limit` bytes that ends with a whole character (UTF-8).
std::string_view whole_characters(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return text;
    while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) --limit;
    return text.substr(0, limit);
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

bool uplink::has_room_for_notice() {
    if (notice_bytes_ > channel::upward::notices) link_->flush();
    for (; !notices_.empty() && notices_.front().end <= link_->written(); notices_.pop_front())
        notice_bytes_ -= notices_.front().bytes;
    if (notices_.empty()) return true;
    const sent_notice& first = notices_.front();  // a part of it may be written
    const auto left = std::min<std::uint64_t>(first.end - link_->written(), first.bytes);
    return notice_bytes_ - first.bytes + left <= channel::upward::notices;
}

/// It looks at the room before it makes the text: a notice may have 16 MiB.
bool uplink::send_notice(std::string_view notice, std::string_view message) {
    if (!has_room_for_notice()) return false;
    std::string data =
        fmt::format(R"({{"type":"notify","notice":{},"message":)", json_quoted(notice));
    data.reserve(data.size() + message.size() + 5);
    data += message.empty() ? "null" : message;
    data += '}';
    send(signal_kind::noticeboard_request, data);
    notices_.push_back({link_->written() + link_->backlog(), data.size()});
    notice_bytes_ += data.size();
    return true;
}

void uplink::send_working(const std::string& id) {
    if (!has_room()) return;
    send(signal_kind::supe_working, fmt::format(R"({{"id":{}}})", json_quoted(id)));
}

void uplink::send_piece_of(outgoing_answer& answer) {
    send(signal_kind::supe_answer, answer.next());
}

outgoing_answer::outgoing_answer(std::string id, const boost::json::value& answer)
    : id_(std::move(id)), text_(answer_text(answer)) {
    if (text_.size() > request_limits::answer)
        text_ = boost::json::serialize(refusal("answer", text_.size(), request_limits::answer));
}

std::string outgoing_answer::next() {
    const bool is_whole = text_.size() <= request_limits::piece;
    const std::string_view piece =
        whole_characters(std::string_view(text_).substr(sent_), request_limits::piece);
    sent_ += piece.size();
    if (is_whole) return fmt::format(R"({{"id":{},"answer":{}}})", json_quoted(id_), piece);
    return fmt::format(R"({{"id":{},"piece":{},"last":{}}})", json_quoted(id_), json_quoted(piece),
                       is_sent());
}

std::optional<uplink::asked> uplink::read_request(std::string_view text) {
    using kind = supervisor_request::kind;
    std::string id;
    std::optional<kind> what;
    std::string_view body;
    json_members members(text);
    while (members.next()) {
        const std::string_view key = members.key(), value = members.value();
        if (key == "id") id = json_string_or_empty(value);
        for (const kind k : {kind::command, kind::reload}) {
            if (!value.starts_with('{') || key != member_of_kind(k)) continue;
            what = k;
            body = value;
        }
    }
    if (!members.well_formed() || !what) return std::nullopt;
    return asked{std::move(id), *what, std::string(body)};
}

supervisor_request uplink::asked::request() const {
    const bool is_command = what == supervisor_request::kind::command;
    return {what, is_command ? command_of(body) : parse_object(body)};
}

// --- down ---

awaitable<boost::json::value> nested_requests::ask(child& nested, supervisor_request request,
                                                   std::function<bool()> is_wanted) {
    if (!nested.link()) co_return boost::json::value();
    const auto what = request.what;
    std::string body = body_text(std::move(request));
    if (body.size() > request_limits::request)
        co_return refusal("request", body.size(), request_limits::request);
    const bool waits = !has_room(nested);
    if (waits && unsent_ + body.size() > request_limits::unsent) co_return boost::json::value();
    const std::string id = std::to_string(++last_id_);
    const auto entry = asked_.try_emplace(nested.number(), time_).first;
    questions& all = entry->second;
    struct forget_question {
        nested_requests& all;
        std::map<int, questions>::iterator entry;
        const std::string& id;
        std::size_t unsent;
        void sent() { all.unsent_ -= std::exchange(unsent, 0); }
        ~forget_question() {
            sent();
            all.forget_pieces(entry->second, id);
            if (entry->second.waiters.size() == 0) all.asked_.erase(entry);
        }
    } forget{*this, entry, id, waits ? body.size() : 0};  // at the end, when the waiter is gone
    unsent_ += forget.unsent;
    waiter_table<std::string, boost::json::value>::waiter answer(all.waiters, id);
    body.insert(0, fmt::format(R"({{"id":"{}","{}":)", id, member_of_kind(what)));
    body += '}';
    answer.expires_at(time_.now() + patience);
    // It is there for as long as the answer is waited for: on_ended() answers.
    while (answer.is_waiting() && is_wanted() && !has_room(nested)) co_await answer.changed();
    forget.sent();
    if (!answer.is_waiting() || !is_wanted()) co_return boost::json::value();
    nested.signal(signal_kind::supe_ask, std::exchange(body, {}));
    answer.expires_at(time_.now() + patience);
    while (answer.is_waiting() && is_wanted()) co_await answer.changed();
    co_return answer.take().value_or(boost::json::value());
}

bool nested_requests::has_room(const child& nested) {
    return !nested.link() || nested.link()->has_room(channel::backlog_limit);
}

void nested_requests::after_turn(const child& nested) {
    if (unsent_ == 0 || !has_room(nested)) return;
    const auto asked = asked_.find(nested.number());
    if (asked != asked_.end()) asked->second.waiters.wake_all();
}

void nested_requests::look_again() {
    for (auto& [number, asked] : asked_) asked.waiters.wake_all();
}

void nested_requests::on_signal(const child& nested, const signal_frame& frame) {
    const auto all = asked_.find(nested.number());
    if (all == asked_.end()) return;
    auto data = parse_object(frame.data);
    const std::string id = string_of(data, "id");
    const bool is_open = all->second.waiters.set_deadline(id, time_.now() + patience);
    if (!is_open || frame.kind == signal_kind::supe_working) return;
    if (const auto* piece = data.if_contains("piece"); piece && piece->is_string())
        return on_piece(all->second, id, piece->get_string(), flag_of(data, "last", true));
    auto* answer = data.if_contains("answer");
    all->second.waiters.answer(id, answer ? std::move(*answer) : boost::json::value());
}

/// The pieces of an answer come in order. What is no JSON at the end is no answer. One that came in
/// pieces is large, and most of these are only passed on: it stays text.
void nested_requests::on_piece(questions& asked, const std::string& id, std::string_view piece,
                               bool is_last) {
    std::string& text = asked.pieces[id];
    const std::size_t size = text.size() + piece.size();
    if (size > request_limits::answer) {
        asked.waiters.answer(id, refusal("answer", size, request_limits::answer));
        return;
    }
    if (unread_ + piece.size() > request_limits::unread) {
        asked.waiters.answer(id, too_many_answers());
        return;
    }
    text += piece;
    unread_ += piece.size();
    if (!is_last) return;
    boost::json::value answer = read_large_answer(text);
    forget_pieces(asked, id);
    asked.waiters.answer(id, std::move(answer));
}

void nested_requests::forget_pieces(questions& asked, const std::string& id) {
    const auto pieces = asked.pieces.extract(id);
    if (!pieces.empty()) unread_ -= pieces.mapped().size();
}

void nested_requests::on_ended(const child& nested) {
    const auto all = asked_.find(nested.number());
    if (all != asked_.end()) all->second.waiters.answer_all(boost::json::value());
}

}  // namespace supe
