#include "supe/supervision/frame_dispatch.hpp"

#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"
#include "supe/text/utf8.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/json/serialize.hpp>

namespace supe {
namespace {

constexpr std::int64_t largest_window = 1 << 30;  // limits what a component sends

/// Of a text that is kept: why a component rejects a mail (contract §2), why a supervisor failed.
constexpr std::size_t reason_limit = 1024, cause_limit = 16u << 10;  // bytes

constexpr std::size_t shown_name = 64;  // bytes of the name of a signal

/// The first `most` bytes, without cutting a character.
std::string bounded(std::string text, std::size_t most) {
    if (text.size() <= most) return text;
    const std::string_view kept(text.data(), most);
    return std::string(kept.substr(0, utf8_cut(kept, text[most])));
}

/// The log has the first, the tenth, the hundredth bad frame and so on: they may come by the
/// million.
bool is_power_of_ten(std::uint64_t n) {
    for (; n >= 10 && n % 10 == 0; n /= 10) {}
    return n == 1;
}

unsigned window_of(std::string_view data) {
    const auto object = parse_object(data);
    const auto* window = object.if_contains("window");
    if (!window || !window->is_int64() || window->get_int64() < 1) return 1;
    return static_cast<unsigned>(std::min(window->get_int64(), largest_window));
}

/// Signals that are sent only by nested supervisors.
bool is_for_supervisors(signal_kind kind) {
    return kind == signal_kind::mail_acked || kind == signal_kind::mail_undeliverable ||
           kind == signal_kind::mail_withheld || kind == signal_kind::supe_failed ||
           kind == signal_kind::supe_answer || kind == signal_kind::supe_working;
}

/// Its siblings' mail is not its own.
bool has_mail(const child_entry& entry) {
    return entry.mail.box.in_flight(entry.mail.consumer) > 0;
}

}  // namespace

std::string start_data(const child& c) {
    return fmt::format(R"({{"address":{},"config":{}}})", json_quoted(c.address()),
                       boost::json::serialize(*c.spec().config));
}

void frame_dispatch::on_frame(child& c, std::string_view frame) {
    const message m = read_message(frame);
    if (const auto* as_mail = std::get_if<mail_frame>(&m)) {
        if (!c.state().has_spoken()) c.post(lifecycle::event::spoke);
        return mail_.router.from_child(children_.at(c.number()).mail, *as_mail);
    }
    if (const auto* as_signal = std::get_if<signal_frame>(&m)) {
        if (!c.state().has_spoken()) c.post(lifecycle::event::spoke);
        return on_signal(c, *as_signal);
    }
    if (const auto* node = std::get_if<node_frame>(&m)) {
        if (node->handle && c.link()) {
            c.link()->out() += "{\"cmd\":\"NODE_HANDLE_NACK\"}\n";
            mail_.out.add(*c.link());
        }
        return;
    }
    if (const auto* bad = std::get_if<bad_frame>(&m)) return on_bad_frame(c, bad->reason);
    if (!may_publish(c)) return;
    const std::string& name = c.spec().name;
    notices_.publish("component-message",
                     fmt::format(R"({{"name":{},"message":{}}})", json_quoted(name), frame), name);
}

void frame_dispatch::on_signal(child& c, const signal_frame& frame) {
    using kind = signal_kind;
    child_entry& entry = children_.at(c.number());
    if (is_for_supervisors(frame.kind) && !c.is_supervisor()) return on_unknown(c, frame);
    if (frame.data.size() > signal_data_limit && frame.kind != kind::noticeboard_request)
        return on_bad_frame(c, fmt::format("{}: `data` has {} bytes, and may have {}",
                                           shown_line(frame.name, shown_name), frame.data.size(),
                                           signal_data_limit));
    switch (frame.kind) {
        case kind::ack_current_mail:
        case kind::ready_to_receive_mail:
        case kind::not_ready_to_receive_mail:
        case kind::reject_mail:
        case kind::mail_acked:
        case kind::mail_undeliverable:
        case kind::mail_withheld: return on_mail_signal(entry, frame);
        case kind::unhandled_mail:
            return notices_.publish("mail-unhandled",
                                    fmt::format(R"({{"name":{}}})", json_quoted(c.spec().name)),
                                    c.spec().name);
        case kind::ready_for_config: entry.wants_config = true; return;
        case kind::noticeboard_request:
            if (const auto problem = notices_.on_request(c, frame.data); !problem.empty())
                on_bad_frame(c, problem);
            return;
        case kind::component_ready: return c.post(lifecycle::event::ready);
        case kind::component_alive: return c.post(lifecycle::event::alive);
        case kind::component_status: return on_status(c, frame.data);
        case kind::supervisor_request:
            if (const auto problem = orders_.on_order(c, frame.data); !problem.empty())
                on_bad_frame(c, problem);
            return;
        case kind::supe_failed:
            entry.failure_below = std::make_unique<std::string>(
                bounded(string_of(parse_object(frame.data), "why"), cause_limit));
            return;
        case kind::supe_answer:
        case kind::supe_working: return requests_.on_signal(c, frame);
        case kind::unknown:
        case kind::supe_start:
        case kind::supe_shutdown:
        case kind::mail_accepted:
        case kind::noticeboard_response:
        case kind::noticeboard_event:
        case kind::supervisor_response:
        case kind::supe_ask: return on_unknown(c, frame);
    }
}

void frame_dispatch::on_mail_signal(child_entry& entry, const signal_frame& frame) {
    using kind = signal_kind;
    if (frame.kind == kind::ack_current_mail) return on_ack(entry, frame.data);
    if (frame.kind == kind::reject_mail) return on_reject(entry, frame.data);
    if (frame.kind == kind::ready_to_receive_mail)
        return mail_.delivery.on_ready(entry.mail, window_of(frame.data));
    if (frame.kind == kind::not_ready_to_receive_mail) return mail_.delivery.on_pause(entry.mail);
    const auto data = parse_object(frame.data);
    mail_.delivery.on_outcome(entry.mail, frame.kind, string_of(data, "id"),
                              bounded(string_of(data, "reason"), reason_limit));
}

void frame_dispatch::on_ack(child_entry& entry, std::string_view data) {
    entry.took_mail = entry.took_mail || has_mail(entry);
    const std::string_view ids = member_of(data, "ids");
    if (ids.empty()) return mail_.delivery.on_ack_oldest(entry.mail);
    for_each_string(ids, [&](std::string_view id) { mail_.delivery.on_ack(entry.mail, id); });
}

void frame_dispatch::on_reject(child_entry& entry, std::string_view text) {
    using rejected = mailbox::rejected;
    const auto data = parse_object(text);
    const bool requeue = flag_of(data, "requeue", false);
    if (!requeue) entry.took_mail = entry.took_mail || has_mail(entry);
    mail_.delivery.on_reject(entry.mail, string_of(data, "id"),
                             requeue ? rejected::requeued : rejected::dead,
                             bounded(string_of(data, "reason"), reason_limit));
}

void frame_dispatch::on_status(child& c, std::string_view data) {
    const auto object = parse_object(data);
    const auto* line = object.if_contains("status");
    if (!line || !line->is_string())
        return on_bad_frame(c, "COMPONENT-STATUS needs a string in `status`");
    c.set_status_text(line->get_string());
}

void frame_dispatch::after_turn(child_entry& entry) {
    child& c = entry.who;
    if (!entry.wants_config || !c.link() || !c.link()->has_room(channel::backlog_limit)) return;
    entry.wants_config = false;
    c.signal(signal_kind::supe_start, start_data(c));
}

// --- unknown and bad frames ---

bool frame_dispatch::may_publish(const child& c) {
    return children_.at(c.number()).strange().rate.add(host_.time().now());
}

void frame_dispatch::on_unknown(child& c, const signal_frame& frame) {
    if (!may_publish(c)) return;
    const std::string& name = c.spec().name;
    notices_.publish(
        "component-signal",
        fmt::format(R"({{"name":{},"signal":{}}})", json_quoted(name), json_quoted(frame.name)),
        name);
}

void frame_dispatch::on_bad_frame(child& c, const std::string& reason) {
    const std::uint64_t n = ++children_.at(c.number()).strange().bad;
    const std::string& name = c.spec().name;
    if (is_power_of_ten(n))
        host_.log(fmt::format("{} sent {} bad frame{} so far, the latest: {}", name, n,
                              n == 1 ? "" : "s", reason));
    if (!may_publish(c)) return;
    notices_.publish("component-bad-frame",
                     fmt::format(R"({{"name":{},"reason":{},"count":{}}})", json_quoted(name),
                                 json_quoted(reason), n),
                     name);
}

}  // namespace supe
