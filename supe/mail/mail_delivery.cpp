// The way of a mail from here on:
//
//     put ─ taken ─┬─ (journal) on_journal ─┬─ accepted ┄ settle: pump ─ deliver ─┬─ on_ack ─ acked
//                  └────────────────────────┘                                    ├─ on_reject
//                                                                                └─ on_ended: put back, or dead
//
// Every step that may change who is next calls changed(). settle() asks at the end of the turn.
#include "supe/mail/mail_delivery.hpp"

#include "supe/async/assertion.hpp"
#include "supe/channel/message.hpp"
#include "supe/text/json_text.hpp"

#include <algorithm>
#include <utility>

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
    const mail_endpoint& first = *destination.consumers.front();
    if (first.hop && mail.origin.receipt && !first.hop->has_room(first.box.limits()))
        return answers_.refuse(mail, "mailbox-full");
    if (is_unread_ && entry_to(destination) == mailbox::entry::uncommitted)
        return answers_.refuse(mail, "journal-failed");
    mail.sequence = ++last_sequence_;
    switch (destination.box().offer(mail, meant_for, entry_to(destination))) {
        case mailbox::offered::full: return answers_.refuse(mail, "mailbox-full");
        case mailbox::offered::withheld: return answers_.withheld(mail.origin);
        case mailbox::offered::taken: return taken(destination, mail, meant_for);
    }
}

void mail_delivery::put_again(const std::string& recipient, envelope mail) {
    mail_endpoint* const endpoint = directory_.find(recipient);
    // The tree has changed: mail of a component is none for a supervisor of its name to pass on,
    // and what a supervisor was to pass on is none for a component.
    const bool was_to_pass_on = !mail.to.empty();
    if (!endpoint || endpoint->is_supervisor() != was_to_pass_on)
        return answers_.refuse(mail, "unknown-address");
    mail.charges = 0;
    mail.suspect = false;
    const bool anyone = endpoint->box_name == recipient;
    put(*endpoint->destination, mail, anyone ? mailbox::anyone : endpoint->consumer);
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
    if (destination.is_supervisor() && !destination.consumers.front()->is_connected())
        answers_.withheld(mail.origin);
    ++destination.wants_consumers;
    changed(destination);
}

// --- who is next ---

void mail_delivery::changed(mail_destination& destination) {
    if (std::exchange(destination.is_unsettled, true)) return;
    unsettled_.push_back(&destination);
}

/// An event that settle() reports may come back to flush(): the call under way goes on with what
/// that changed.
void mail_delivery::flush() {
    if (!is_settling_) {
        struct settling {
            bool& under_way;
            explicit settling(bool& flag) : under_way(flag) { under_way = true; }
            ~settling() { under_way = false; }  // also when an event throws
        };
        {
            const settling now(is_settling_);
            settle();
        }
        if (has_unfinished()) unfinished_.notify();
    }
    if (journal_) journal_->flush();
}

void mail_delivery::settle() {
    let_in_unknown();
    bury_some();
    tell_some();
    std::size_t left = deliveries_per_turn;
    for (std::size_t n = 0; n < unsettled_.size() && left > 0; ++n) {
        mail_destination* const destination = std::exchange(unsettled_[n], nullptr);
        if (!destination) continue;  // it was removed since
        destination->is_unsettled = false;
        left -= settle(*destination, left);
    }
    std::erase(unsettled_, nullptr);
}

/// Returns how many mails it let in and delivered. Where that is `most`, it asks again.
std::size_t mail_delivery::settle(mail_destination& destination, std::size_t most) {
    if (is_letting_in_ && has_earlier_mail(destination)) return 0;  // let_in_unknown() wakes it
    std::size_t done = let_in_withheld(destination, most);
    done += pump(destination, most - done);
    if (done == most) changed(destination);
    report_waiting(destination);
    return done;
}

void mail_delivery::report_waiting(mail_destination& destination) {
    const mailbox& box = destination.box();
    const std::size_t wanted =
        std::min(std::exchange(destination.wants_consumers, 0), destination.consumers.size());
    if (wanted == 0) return;
    using whom = mail_events::waits_for;
    mail_endpoint* down = nullptr;
    for (mail_endpoint* const consumer : destination.consumers) {
        if (consumer->is_connected()) continue;
        if (!down) down = consumer;
        if (box.has_own_waiting(consumer->consumer))
            events_.on_mail_waiting(*consumer, whom::it_alone);
    }
    if (!down) return;
    for (std::size_t n = 0; n < wanted && box.has_waiting_for_anyone(); ++n)
        if (!events_.on_mail_waiting(*down, whom::any_instance)) break;
}

std::size_t mail_delivery::let_in_withheld(mail_destination& destination, std::size_t most) {
    std::size_t n = 0;
    for (; n < most; ++n) {
        mailbox& box = destination.box();
        if (const mail_ptr mail = box.refuse_withheld()) {
            answers_.refuse(mail->view(), "removed");
            continue;
        }
        const held_mail* const mail = box.admit(entry_to(destination));
        if (!mail) break;
        taken(destination, mail->view(), consumer_of(*mail));
    }
    return n;
}

// --- to consumers ---

void mail_delivery::on_connected(mail_endpoint& endpoint, channel& link, std::uint32_t life) {
    SUPE_ASSERT(endpoint.destination && !endpoint.is_connected());
    endpoint.link = &link;
    endpoint.life = life;
    endpoint.box.connected(endpoint.consumer);
    changed(*endpoint.destination);
}

void mail_delivery::on_disconnected(mail_endpoint& endpoint) {
    if (endpoint.link) out_.forget(*endpoint.link);
    endpoint.link = nullptr;
}

void mail_delivery::on_ready(mail_endpoint& endpoint, unsigned window) {
    endpoint.box.ready(endpoint.consumer, window);
    if (endpoint.destination) changed(*endpoint.destination);
}

std::size_t mail_delivery::pump(mail_destination& destination, std::size_t most) {
    mailbox& box = destination.box();
    const std::size_t all = destination.consumers.size();
    std::size_t n = 0;
    for (std::size_t idle = 0; idle < all && n < most;) {  // until no consumer takes another one
        mail_endpoint& endpoint = *destination.consumers[destination.next++ % all];
        const held_mail* mail = nullptr;
        const bool goes_up = &endpoint == directory_.uplink();
        const std::size_t room = goes_up ? channel::upward::mail : delivery_backlog;
        if (endpoint.is_connected() && endpoint.link->has_room(room))
            mail = box.take_next(endpoint.consumer);
        idle = mail ? 0 : idle + 1;
        if (!mail) continue;
        if (mail->journaled) journal_->mark_delivery(destination.name, mail->sequence);
        deliver(endpoint, mail->view());
        ++n;
    }
    return n;
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
    changed(*endpoint.destination);
}

void mail_delivery::on_reject(mail_endpoint& endpoint, std::string_view id, mailbox::rejected how,
                              const std::string& reason) {
    const std::string text = reason.empty() ? "rejected" : "rejected: " + reason;
    const auto result = endpoint.box.reject(endpoint.consumer, id, how, {time_.wall(), text});
    if (result.dead.mail) to_dead_letters(endpoint.destination->name, result.dead, "dead-lettered");
    if (result.back) {
        went_back(*endpoint.destination, *result.back);
        ++endpoint.destination->wants_consumers;
    }
    changed(*endpoint.destination);
}

bool mail_delivery::on_ended(mail_endpoint& endpoint, mailbox::ending charge,
                             const std::string& how) {
    SUPE_ASSERT(endpoint.destination && !endpoint.is_connected());
    mail_destination& destination = *endpoint.destination;
    // A supervisor's death says nothing about the mail that it was to pass on (contract §3).
    if (endpoint.is_supervisor() && charge == mailbox::ending::charged)
        charge = mailbox::ending::killed;
    const auto after = endpoint.box.ended(endpoint.consumer, charge, {time_.wall(), how});
    for (const held_mail* back : after.back) went_back(destination, *back);
    if (endpoint.is_supervisor())
        endpoint.box.for_each(
            [this](const held_mail& waits) { answers_.withheld(waits.view().origin); });
    for (const dead_mail& dead : after.dead)
        to_dead_letters(destination.name, dead, "dead-lettered");
    destination.wants_consumers += std::max<std::size_t>(after.back.size(), 1);
    // Where its life had a journal, that has what it had accepted for its own children.
    using where = next_hop::where;
    if (!endpoint.keeps_mail) forget_taken_over(endpoint, where::accepted, "supervisor-died");
    forget_taken_over(endpoint, where::passed_on, "supervisor-died");
    changed(destination);  // the other instances may take what was put back
    return !after.dead.empty();
}

std::shared_ptr<mailbox> mail_delivery::on_removed(mail_endpoint& endpoint) {
    SUPE_ASSERT(endpoint.destination);
    mail_destination& destination = *endpoint.destination;
    std::shared_ptr<mailbox> left = endpoint.shared;
    if (destination.consumers.size() == 1) {
        std::ranges::replace(being_written_, &destination, nullptr);
        std::ranges::replace(unsettled_, &destination, nullptr);
        left->remove();
    } else {
        left = endpoint.box.split_off(endpoint.consumer);
        changed(destination);
    }
    for (const auto then : {next_hop::where::accepted, next_hop::where::passed_on})
        forget_taken_over(endpoint, then, "removed");
    return left;
}

void mail_delivery::bury(std::string recipient, std::shared_ptr<mailbox> box, endpoint_kind kind,
                         remains then) {
    amount letters;
    if (then == remains::become_letters) letters = {box->queued(), box->bytes()};
    coming_letters_.mails += letters.mails;
    coming_letters_.bytes += letters.bytes;
    burials_.push_back({std::move(recipient), std::move(box), kind, then, letters});
    unfinished_.notify();
}

/// A mailbox may hold a hundred thousand mails, and each costs a line, a notice and a step of the
/// journal.
void mail_delivery::bury_some() {
    std::size_t bytes = 0;
    for (std::size_t n = 0; n < burials_per_turn && bytes < buried_bytes_per_turn; ++n) {
        if (burials_.empty()) return;
        const burial& first = burials_.front();
        mailbox::removed_mail removed = first.box->take_removed();
        if (removed.mail) {
            bytes += removed.mail->bytes();
            bury_one(first, std::move(removed));
        } else {
            coming_letters_.mails -= first.letters.mails;
            coming_letters_.bytes -= first.letters.bytes;
            burials_.pop_front();
        }
    }
}

void mail_delivery::bury_one(const burial& of, mailbox::removed_mail removed) {
    const mail_ptr& mail = removed.mail;
    // What was to go to another supervisor was not accepted yet: the sender gets the answer. One
    // that was killed with it may have it in its journal.
    const bool is_on_its_way =
        of.kind == endpoint_kind::supervisor && !mail->view().origin.id.empty();
    const bool is_saved = of.then == remains::are_saved;
    if (!removed.accepted || is_on_its_way || (is_saved && is_kept_by_sender(mail->view()))) {
        left(*mail);
        const bool is_in_doubt = is_on_its_way && mail->charges > 0;
        answers_.refuse(mail->view(), is_in_doubt ? "supervisor-died" : "removed");
    } else if (is_saved) {
        left(*mail);
        if (mail->receipt) answers_.undeliverable(mail->view().origin, "removed");
    } else {
        to_dead_letters(of.recipient,
                        {std::move(removed.mail), "removed", std::move(removed.history)},
                        "removed");
    }
}

/// The journal gets the letter first, then the erase: a crash in between duplicates the mail
/// instead of losing it. A sender that keeps the mail itself gets the outcome alone: a second copy
/// here would be sent again beside its own.
void mail_delivery::to_dead_letters(const std::string& box, const dead_mail& dead,
                                    std::string_view verdict) {
    const envelope mail = dead.mail->view();
    const bool is_kept = is_kept_by_sender(mail);
    if (!is_kept)
        events_.on_dead_letter(mail, recipient_name(box, *dead.mail), dead.reason, dead.history);
    left(*dead.mail);
    if (is_kept) return answers_.refuse(mail, verdict);
    if (mail.origin.receipt) answers_.undeliverable(mail.origin, verdict);
}

}  // namespace supe
