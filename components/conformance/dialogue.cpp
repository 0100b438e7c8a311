#include "components/conformance/dialogue.hpp"

#include "supe/channel/message.hpp"
#include "supe/text/json_text.hpp"
#include "supe/text/json_value.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace components {
namespace {

using supe::signal_kind;

constexpr std::size_t most_shown = 200;  // characters of a frame in a message

std::string shown(std::string_view frame) {
    if (frame.size() <= most_shown) return std::string(frame);
    return fmt::format("{}… ({} bytes)", frame.substr(0, most_shown), frame.size());
}

unsigned window_in(std::string_view data) {
    const auto object = supe::parse_object(data);
    const auto* window = object.if_contains("window");
    if (!window) return 1;
    const auto* number = window->if_int64();
    if (!number || *number < 1)
        throw violation(
            fmt::format("READY-TO-RECEIVE-MAIL has \"data\":{}: the window is not a "
                        "whole number from 1",
                        shown(data)));
    return static_cast<unsigned>(std::min<std::int64_t>(*number, 1024));
}

std::string id_data(const std::string& id) { return R"({"id":)" + supe::json_quoted(id) + "}"; }

std::string noticeboard_response(std::string_view data) {
    const auto request = supe::parse_object(data);
    std::string answer;
    supe::append_signal(answer, signal_kind::noticeboard_response,
                        fmt::format(R"({{"type":{},"notice":{},"success":true}})",
                                    supe::json_quoted(supe::string_of(request, "type")),
                                    supe::json_quoted(supe::string_of(request, "notice"))));
    return answer;
}

/// The tested component has no siblings.
std::string supervisor_response(std::string_view data) {
    const auto request = supe::parse_object(data);
    const std::string error = "no such child: " + supe::string_of(request, "name");
    std::string answer;
    supe::append_signal(
        answer, signal_kind::supervisor_response,
        fmt::format(R"({{"id":{},"success":false,"error":{}}})",
                    supe::json_quoted(supe::string_of(request, "id")), supe::json_quoted(error)));
    return answer;
}

}  // namespace

std::string dialogue::deliver(std::string_view id, std::string_view msg, unsigned attempt) {
    std::string frame;
    supe::delivery d;
    d.from = "tester";
    d.msg = msg;
    d.id = id;
    d.attempt = attempt;
    supe::append_delivery(frame, d);
    in_flight_.emplace_back(id);
    return frame;
}

std::string dialogue::config_frame() const {
    std::string frame;
    supe::append_signal(frame, signal_kind::supe_start,
                        fmt::format(R"({{"address":"/tested","config":{}}})", config_));
    return frame;
}

std::string dialogue::take(std::string_view frame) {
    const supe::message m = supe::read_message(frame);
    if (const auto* bad = std::get_if<supe::bad_frame>(&m))
        throw violation(fmt::format("it sent a bad frame ({}): {}", bad->reason, shown(frame)));
    if (const auto* s = std::get_if<supe::signal_frame>(&m)) return take_signal(s->kind, s->data);
    const auto* mail = std::get_if<supe::mail_frame>(&m);
    if (!mail) return {};  // a raw process.send is a notice, and no fault
    events_.emplace_back("mail");
    sent_.push_back({mail->to.value_or("supe"), std::string(mail->msg)});
    std::string answer;
    if (mail->id) supe::append_signal(answer, signal_kind::mail_accepted, id_data(*mail->id));
    if (mail->id && mail->receipt)
        supe::append_signal(answer, signal_kind::mail_acked, id_data(*mail->id));
    return answer;
}

std::string dialogue::take_signal(signal_kind kind, std::string_view data) {
    switch (kind) {
        case signal_kind::ready_to_receive_mail:
            window_ = window_in(data);
            takes_mail_ = true;
            events_.emplace_back("ready");
            return {};
        case signal_kind::not_ready_to_receive_mail:
            takes_mail_ = false;
            events_.emplace_back("pause");
            return {};
        case signal_kind::ack_current_mail: acknowledge(data); return {};
        case signal_kind::reject_mail:
            throw violation(fmt::format("it rejected a mail: {}", shown(data)));
        case signal_kind::unhandled_mail:
            throw violation("it sent UNHANDLED-MAIL: nobody in it took the mail");
        case signal_kind::ready_for_config: return config_frame();
        case signal_kind::noticeboard_request: return noticeboard_response(data);
        case signal_kind::supervisor_request: return supervisor_response(data);
        default: return {};
    }
}

void dialogue::acknowledge(std::string_view data) {
    const auto object = supe::parse_object(data);
    if (const auto* ids = object.if_contains("ids")) {
        const auto* list = ids->if_array();
        if (!list || !std::ranges::all_of(*list, [](const auto& id) { return id.is_string(); }))
            throw violation(fmt::format(
                "ACK-CURRENT-MAIL has \"data\":{}: ids is not an array of strings", shown(data)));
        for (const auto& id : *list) remove(std::string(id.get_string()));
        return;
    }
    if (in_flight_.empty()) throw violation("it sent ACK-CURRENT-MAIL while no mail was in flight");
    remove(std::string(in_flight_.front()));
}

void dialogue::remove(const std::string& id) {
    const auto found = std::ranges::find(in_flight_, id);
    if (found == in_flight_.end())
        throw violation(fmt::format(
            "it acknowledged \"{}\", which is not in flight: it had acknowledged it before, or was "
            "never given it",
            shown(id)));
    in_flight_.erase(found);
    events_.push_back("ack " + id);
}

}  // namespace components
