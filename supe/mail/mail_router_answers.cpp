// What becomes of mail that travels on, what senders are told, and what is written to whom.
#include "supe/mail/mail_router.hpp"
#include "supe/text/json_text.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace supe {
namespace {

constexpr std::size_t delivery_backlog =
    256u << 10;  // bytes unread by the component before we hand over no more

/// `{"id":ID}` or `{"id":ID,"reason":REASON}` in a signal.
void append_answer(std::string& out, std::string_view signal, std::string_view id,
                   std::string_view reason) {
    out += R"({"type":"signal","signal":")";
    out += signal;
    out += R"(","data":{"id":)";
    append_json_quoted(out, id);
    if (!reason.empty()) {
        out += R"(,"reason":)";
        append_json_quoted(out, reason);
    }
    out += "}}\n";
}

}  // namespace

// --- the next hop ---

void mail_router::accepted_by_next(mail_endpoint& next, const held_mail& mail) {
    const envelope e = mail.view();
    answer(e.origin, "MAIL-ACCEPTED");
    if (e.origin.receipt)
        next.hop->taken_over[std::string(e.id)] = {e.origin, std::string(e.origin.id)};
}

void mail_router::on_outcome_below(mail_endpoint& nested, std::string_view signal,
                                   const std::string& id, std::string_view reason) {
    settled(nested, signal, id, reason);
}

void mail_router::on_outcome_above(std::string_view signal, const std::string& id,
                                   std::string_view reason) {
    if (up_) settled(*up_, signal, id, reason);
}

void mail_router::settled(mail_endpoint& next, std::string_view signal, std::string_view id,
                          std::string_view reason) {
    if (signal == "MAIL-WITHHELD") {
        if (const held_mail* const mail = next.box.park(next.consumer, id))
            report_withheld(mail->view().origin);
        return pump(next);
    }
    if (const mail_ptr mail = next.box.ack(next.consumer, id)) {
        // Refused, or taken over; an ack that comes first says both.
        if (signal == "MAIL-UNDELIVERABLE") {
            refuse(mail->view(), reason);
        } else {
            accepted_by_next(next, *mail);
        }
        let_in_withheld(*next.place);
        pump(next);
    }
    if (signal == "MAIL-ACCEPTED") return;
    const auto found = next.hop->taken_over.find(std::string(id));
    if (found == next.hop->taken_over.end()) return;
    const kept_origin kept = std::move(found->second);
    next.hop->taken_over.erase(found);
    answer(kept.view(), signal, reason);
}

/// Between supervisors alone: behind one mailbox that is full (`on_full: block`), or one supervisor
/// that is down, mail for others must not have to wait.
void mail_router::report_withheld(const mail_origin& origin) {
    const mail_endpoint* const sender = by_number(origin.hop);
    if (origin.hop == mail_origin::uplink || (sender && sender->nested))
        answer(origin, "MAIL-WITHHELD");
}

void mail_router::forget_taken_over(mail_endpoint& stop, std::string_view reason) {
    if (!stop.hop) return;
    for (const auto& [id, kept] : std::exchange(stop.hop->taken_over, {}))
        answer(kept.view(), "MAIL-UNDELIVERABLE", reason);
}

// --- to the sender ---

/// Never silence: whoever asked for an answer gets one, for the others there is a notice.
void mail_router::refuse(const envelope& mail, std::string_view reason) {
    if (mail.origin.id.empty()) events_.on_undeliverable(mail, std::string(reason));
    answer(mail.origin, "MAIL-UNDELIVERABLE", reason);
}

void mail_router::to_dead_letters(const mail_destination& place, const dead_mail& dead,
                                  std::string_view verdict) {
    const envelope mail = dead.mail->view();
    events_.on_dead_letter(mail, place.name, dead.reason, dead.history);
    left(*dead.mail);  // behind the letter: in between, it is in both
    // Mail for beyond a nested supervisor was not accepted yet: it is still waited for.
    if (mail.origin.receipt || place.nested()) answer(mail.origin, "MAIL-UNDELIVERABLE", verdict);
}

void mail_router::answer(const mail_origin& origin, std::string_view signal,
                         std::string_view reason) {
    if (origin.id.empty() || origin.hop == mail_origin::none) return;
    if (origin.hop == mail_origin::control)
        return events_.on_control_answer(origin, signal, reason);
    const bool accepted = signal == "MAIL-ACCEPTED";
    if (origin.hop == mail_origin::uplink) {
        if (!up_) return;
        if (accepted) {  // our own supervisor hears an acceptance as the ack of a delivery
            from_above_.add(origin.id);
            if (!acks_up_.empty()) acks_up_ += ',';
            append_json_quoted(acks_up_, origin.id);
        } else {
            append_answer(up_->wire->out(), signal, origin.id, reason);
        }
        return touch(up_->wire);
    }
    mail_endpoint* const sender = by_number(origin.hop);
    if (!sender) return;
    if (sender->nested && accepted) sender->hop->received.add(origin.id);
    if (static_cast<std::uint32_t>(sender->life) != origin.life || !sender->wire) return;
    append_answer(sender->wire->out(), signal, origin.id, reason);
    touch(sender->wire);
}

// --- writing ---

void mail_router::pump(mail_destination& place) {
    mailbox& box = place.box();
    for (std::size_t idle = 0; idle < place.takers.size();) {  // until nobody takes any more
        mail_endpoint& stop = *place.takers[place.turn++ % place.takers.size()];
        const held_mail* mail = nullptr;
        if (stop.wire && stop.wire->backlog() < delivery_backlog)
            mail = box.take_next(stop.consumer);
        idle = mail ? 0 : idle + 1;
        if (!mail) continue;
        if (mail->journaled) journal_->mark_delivery(place.name, mail->sequence);
        deliver(stop, mail->view());
    }
}

void mail_router::deliver(mail_endpoint& stop, const envelope& mail) {
    append_delivery(
        stop.wire->out(),
        {.from = mail.from,
         .msg = mail.msg,
         .id = mail.id,
         .extras = mail.extras,
         .to = mail.to.empty() ? std::nullopt : std::optional<std::string_view>(mail.to),
         .attempt = mail.attempt,
         .receipt = stop.nested && mail.origin.receipt,
         .patient = stop.nested && mail.origin.patient});
    touch(stop.wire);
}

void mail_router::touch(const std::shared_ptr<channel>& wire) {
    // A turn nearly always writes to one or two; a channel that is in twice is flushed in vain
    // once.
    const auto recent = touched_.end() - std::min<std::ptrdiff_t>(4, std::ssize(touched_));
    if (std::find(recent, touched_.end(), wire) == touched_.end()) touched_.push_back(wire);
}

void mail_router::flush() {
    if (journal_) journal_->flush();
    if (!acks_up_.empty()) {
        append_signal(up_->wire->out(), "ACK-CURRENT-MAIL",
                      fmt::format(R"({{"ids":[{}]}})", acks_up_));
        acks_up_.clear();
        touch(up_->wire);
    }
    for (const auto& wire : touched_) wire->flush();
    touched_.clear();
}

}  // namespace supe
