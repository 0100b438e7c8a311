#include "supe/mail/sender_answers.hpp"

#include "supe/channel/message.hpp"
#include "supe/text/json_text.hpp"

namespace supe {

void sender_answers::accepted(const mail_origin& origin) {
    if (origin.id.empty()) return;
    if (origin.source == mail_source::uplink) {
        mail_endpoint* const above = directory_.uplink();
        if (!above) return;
        above->hop->accepted(origin.id);
        if (!acks_above_.empty()) acks_above_ += ',';
        append_json_quoted(acks_above_, origin.id);
        return;
    }
    if (origin.source != mail_source::child) return send(origin, signal_kind::mail_accepted, {});
    mail_endpoint* const sender = directory_.by_number(origin.child);
    if (sender && sender->hop) sender->hop->accepted(origin.id);
    send_to(sender, origin, signal_kind::mail_accepted, {});
}

void sender_answers::refuse(const envelope& mail, std::string_view reason) {
    if (mail.origin.id.empty()) events_.on_undeliverable(mail, std::string(reason));
    undeliverable(mail.origin, reason);
}

void sender_answers::withheld(const mail_origin& origin) {
    const bool from_child = origin.source == mail_source::child;
    const mail_endpoint* const sender = from_child ? directory_.by_number(origin.child) : nullptr;
    if (origin.source == mail_source::uplink || (sender && sender->is_supervisor()))
        send(origin, signal_kind::mail_withheld, {});
}

void sender_answers::send(const mail_origin& origin, signal_kind outcome, std::string_view reason) {
    if (origin.id.empty()) return;
    switch (origin.source) {
        case mail_source::nobody: return;
        case mail_source::control: return events_.on_control_answer(origin, outcome, reason);
        case mail_source::uplink:
            if (mail_endpoint* const above = directory_.uplink())
                append(*above->link, outcome, origin.id, reason);
            return;
        case mail_source::child: break;
    }
    send_to(directory_.by_number(origin.child), origin, outcome, reason);
}

/// Nothing where the child is gone, or lives another life by now.
void sender_answers::send_to(const mail_endpoint* sender, const mail_origin& origin,
                             signal_kind outcome, std::string_view reason) {
    if (!sender || !sender->is_connected() || sender->life != origin.life) return;
    append(*sender->link, outcome, origin.id, reason);
}

/// `{"id":ID}` or `{"id":ID,"reason":REASON}` in a signal.
void sender_answers::append(channel& to, signal_kind outcome, std::string_view id,
                            std::string_view reason) {
    std::string& out = to.out();
    out += R"({"type":"signal","signal":")";
    out += name_of(outcome);
    out += R"(","data":{"id":)";
    append_json_quoted(out, id);
    if (!reason.empty()) {
        out += R"(,"reason":)";
        append_json_quoted(out, reason);
    }
    out += "}}\n";
    out_.add(to);
}

void sender_answers::flush() {
    if (acks_above_.empty()) return;
    channel& above = *directory_.uplink()->link;
    append_signal(above.out(), signal_kind::ack_current_mail, R"({"ids":[)" + acks_above_ + "]}");
    acks_above_.clear();
    out_.add(above);
}

}  // namespace supe
