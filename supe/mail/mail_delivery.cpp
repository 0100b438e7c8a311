// The way of a mail from here on:
//
//     put ─ taken ─┬─ (journal) on_journal ─┬─ accepted ─ pump ─ deliver ─┬─ on_ack ─ acked
//                  └────────────────────────┘                            ├─ on_reject
//                                                                        └─ on_ended: put back, or dead
#include "supe/mail/mail_delivery.hpp"

#include "supe/async/assertion.hpp"
#include "supe/channel/message.hpp"

#include <algorithm>

namespace supe {
namespace {

/// A component that has left so many bytes unread gets no further mail.
constexpr std::size_t delivery_backlog = 256u << 10;

mailbox::consumer consumer_of(const held_mail& mail) {
    return mail.meant_for ? mail.meant_for - 1u : mailbox::anyone;
}

}  // namespace

// --- in ---

/// The journal is for mail of our own children: what goes to another supervisor is not written
/// here.
mailbox::entry mail_delivery::entry_to(const mail_destination& destination) const {
    const bool is_written = journal_ && new_mail_ == new_mail::is_written;
    return is_written && !destination.is_supervisor() ? mailbox::entry::uncommitted
                                                      : mailbox::entry::at_once;
}

void mail_delivery::put(mail_destination& destination, envelope& mail,
                        mailbox::consumer meant_for) {
    mail.sequence = ++last_sequence_;
    switch (destination.box().offer(mail, meant_for, entry_to(destination))) {
        case mailbox::offered::full: return answers_.refuse(mail, "mailbox-full");
        case mailbox::offered::withheld: return answers_.withheld(mail.origin);
        case mailbox::offered::taken: return taken(destination, mail, meant_for);
    }
}

std::string mail_delivery::put_again(const std::string& recipient, envelope mail) {
    mail_destination* const destination = directory_.destination(recipient);
    if (!destination) return "unknown-address";
    mail.sequence = ++last_sequence_;
    mail.charges = 0;
    mail.suspect = false;
    mail.origin = {};
    const auto offered = destination->box().offer(mail, mailbox::anyone, entry_to(*destination));
    if (offered != mailbox::offered::taken) return "mailbox-full";
    taken(*destination, mail, mailbox::anyone);
    return {};
}

/// The mailbox took it. With a journal, on_journal() continues.
void mail_delivery::taken(mail_destination& destination, const envelope& mail,
                          mailbox::consumer meant_for) {
    if (entry_to(destination) == mailbox::entry::at_once) return accepted(destination, mail);
    journal_->put({destination.name, mail, meant_for});
    being_written_.push_back(&destination);
}

/// It may be delivered now. Mail to another supervisor is accepted by that supervisor, not here.
void mail_delivery::accepted(mail_destination& destination, const envelope& mail) {
    if (!destination.is_supervisor()) answers_.accepted(mail.origin);
    pump(destination);
    const auto down = std::ranges::find(destination.consumers, nullptr, &mail_endpoint::link);
    if (down == destination.consumers.end()) return;
    if (destination.is_supervisor()) answers_.withheld(mail.origin);
    if (destination.box().has_waiting()) events_.on_mail_waiting(**down);
}

void mail_delivery::let_in_withheld(mail_destination& destination) {
    while (const held_mail* mail = destination.box().admit(entry_to(destination)))
        taken(destination, mail->view(), consumer_of(*mail));
}

// --- to consumers ---

void mail_delivery::on_connected(mail_endpoint& endpoint, channel& link, std::uint32_t life) {
    SUPE_ASSERT(endpoint.destination && !endpoint.is_connected());
    endpoint.link = &link;
    endpoint.life = life;
    endpoint.box.connected(endpoint.consumer);
    pump(*endpoint.destination);
}

void mail_delivery::on_disconnected(mail_endpoint& endpoint) {
    if (endpoint.link) out_.forget(*endpoint.link);
    endpoint.link = nullptr;
}

void mail_delivery::on_ready(mail_endpoint& endpoint, unsigned window) {
    endpoint.box.ready(endpoint.consumer, window);
    if (endpoint.destination) pump(*endpoint.destination);
}

void mail_delivery::pump(mail_destination& destination) {
    mailbox& box = destination.box();
    const std::size_t all = destination.consumers.size();
    for (std::size_t idle = 0; idle < all;) {  // until no consumer takes another one
        mail_endpoint& endpoint = *destination.consumers[destination.next++ % all];
        const held_mail* mail = nullptr;
        if (endpoint.is_connected() && endpoint.link->backlog() < delivery_backlog)
            mail = box.take_next(endpoint.consumer);
        idle = mail ? 0 : idle + 1;
        if (!mail) continue;
        if (mail->journaled) journal_->mark_delivery(destination.name, mail->sequence);
        deliver(endpoint, mail->view());
    }
}

void mail_delivery::deliver(mail_endpoint& endpoint, const envelope& mail) {
    SUPE_ASSERT(endpoint.is_connected());
    const bool travels_on = endpoint.is_supervisor();
    append_delivery(
        endpoint.link->out(),
        {.from = mail.from,
         .msg = mail.msg,
         .id = mail.id,
         .extras = mail.extras,
         .to = mail.to.empty() ? std::nullopt : std::optional<std::string_view>(mail.to),
         .attempt = mail.attempt,
         .receipt = travels_on && mail.origin.receipt,
         .patient = travels_on && mail.origin.patient});
    out_.add(*endpoint.link);
}

// --- from consumers ---

void mail_delivery::on_ack_oldest(mail_endpoint& endpoint) {
    if (const mail_ptr mail = endpoint.box.ack_oldest(endpoint.consumer)) acked(endpoint, *mail);
}

void mail_delivery::on_ack(mail_endpoint& endpoint, std::string_view id) {
    if (const mail_ptr mail = endpoint.box.ack(endpoint.consumer, id)) acked(endpoint, *mail);
}

void mail_delivery::acked(mail_endpoint& endpoint, const held_mail& mail) {
    left(mail);
    if (endpoint.is_supervisor()) {
        taken_over(endpoint, mail);
    } else if (mail.receipt) {
        answers_.acked(mail.view().origin);
    }
    let_in_withheld(*endpoint.destination);
}

void mail_delivery::on_reject(mail_endpoint& endpoint, std::string_view id, mailbox::rejected how,
                              const std::string& reason) {
    const std::string text = reason.empty() ? "rejected" : "rejected: " + reason;
    const auto result = endpoint.box.reject(endpoint.consumer, id, how, {time_.wall(), text});
    if (result.dead.mail) to_dead_letters(*endpoint.destination, result.dead, "dead-lettered");
    if (result.back) went_back(*endpoint.destination, *result.back);
    let_in_withheld(*endpoint.destination);
    pump(*endpoint.destination);
}

bool mail_delivery::on_ended(mail_endpoint& endpoint, mailbox::ending charge,
                             const std::string& how) {
    SUPE_ASSERT(endpoint.destination && !endpoint.is_connected());
    mail_destination& destination = *endpoint.destination;
    // A supervisor's death says nothing about the mail that it was to pass on (contract §3).
    if (endpoint.is_supervisor()) charge = mailbox::ending::uncharged;
    const auto after = endpoint.box.ended(endpoint.consumer, charge, {time_.wall(), how});
    for (const held_mail* back : after.back) went_back(destination, *back);
    if (endpoint.is_supervisor())
        endpoint.box.for_each(
            [this](const held_mail& waits) { answers_.withheld(waits.view().origin); });
    for (const dead_mail& dead : after.dead) to_dead_letters(destination, dead, "dead-lettered");
    if (!endpoint.keeps_mail) forget_taken_over(endpoint, "supervisor-died");
    let_in_withheld(destination);
    pump(destination);  // the other instances may take what was put back
    if (endpoint.box.has_waiting()) events_.on_mail_waiting(endpoint);
    return !after.dead.empty();
}

void mail_delivery::on_removed(mail_endpoint& endpoint) {
    SUPE_ASSERT(endpoint.destination);
    mail_destination& destination = *endpoint.destination;
    const bool last = destination.consumers.size() == 1;
    if (last) {
        mail_list withheld = endpoint.box.drain_withheld();
        for (; !withheld.empty(); withheld.pop_front())
            answers_.refuse(withheld.front()->view(), "removed");
        std::ranges::replace(being_written_, &destination, nullptr);
        while (const mail_ptr mail = endpoint.box.fail_uncommitted()) {
            left(*mail);
            answers_.refuse(mail->view(), "removed");
        }
    }
    const auto remains = last ? endpoint.box.drain() : endpoint.box.drain(endpoint.consumer);
    for (const dead_mail& dead : remains) to_dead_letters(destination, dead, "removed");
    forget_taken_over(endpoint, "removed");
}

/// The journal gets the letter first, then the erase: a crash in between duplicates the mail
/// instead of losing it.
void mail_delivery::to_dead_letters(const mail_destination& destination, const dead_mail& dead,
                                    std::string_view verdict) {
    const envelope mail = dead.mail->view();
    events_.on_dead_letter(mail, destination.name, dead.reason, dead.history);
    left(*dead.mail);
    // Mail to another supervisor was not accepted yet: its sender still waits for MAIL-ACCEPTED.
    if (mail.origin.receipt || destination.is_supervisor())
        answers_.undeliverable(mail.origin, verdict);
}

// --- the next hop ---

void mail_delivery::on_outcome(mail_endpoint& next, signal_kind outcome, std::string_view id,
                               std::string_view reason) {
    SUPE_ASSERT(next.hop);
    if (outcome == signal_kind::mail_withheld) {
        if (const held_mail* const mail = next.box.park(next.consumer, id))
            answers_.withheld(mail->view().origin);
        return pump(*next.destination);
    }
    if (const mail_ptr mail = next.box.ack(next.consumer, id)) {
        // Refused, or taken over. An ack of the recipient that comes first also means taken over.
        if (outcome == signal_kind::mail_undeliverable) {
            answers_.refuse(mail->view(), reason);
        } else {
            taken_over(next, *mail);
        }
        let_in_withheld(*next.destination);
        pump(*next.destination);
    }
    if (outcome == signal_kind::mail_accepted) return;
    if (const auto sender = next.hop->finished(id)) answers_.send(sender->view(), outcome, reason);
}

void mail_delivery::taken_over(mail_endpoint& next, const held_mail& mail) {
    const envelope e = mail.view();
    answers_.accepted(e.origin);
    next.hop->took_over(e);
}

void mail_delivery::forget_taken_over(mail_endpoint& endpoint, std::string_view reason) {
    if (!endpoint.hop) return;
    for (const waiting_origin& sender : endpoint.hop->forget_all())
        answers_.undeliverable(sender.view(), reason);
}

}  // namespace supe
