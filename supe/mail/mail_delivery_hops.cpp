// Mail that another supervisor took over: what became of it, and who waits to hear that.
#include "supe/async/assertion.hpp"
#include "supe/mail/mail_delivery.hpp"

#include <utility>

namespace supe {

void mail_delivery::on_outcome(mail_endpoint& next, signal_kind outcome, std::string_view id,
                               std::string_view reason) {
    SUPE_ASSERT(next.hop);
    if (outcome == signal_kind::mail_withheld) {
        if (const held_mail* const mail = next.box.park(next.consumer, id))
            answers_.withheld(mail->view().origin);
        return changed(*next.destination);  // what is parked makes room for others
    }
    if (const mail_ptr mail = next.box.ack(next.consumer, id)) {
        // Refused, or taken over. An ack of the recipient that comes first also means taken over.
        if (outcome == signal_kind::mail_undeliverable) {
            answers_.refuse(mail->view(), reason);
        } else {
            taken_over(next, *mail);
        }
        changed(*next.destination);
    }
    if (outcome == signal_kind::mail_accepted) return;
    if (const auto sender = next.hop->finished(id)) answers_.send(sender->view(), outcome, reason);
}

void mail_delivery::taken_over(mail_endpoint& next, const held_mail& mail) {
    const envelope e = mail.view();
    answers_.accepted(e.origin);
    using where = next_hop::where;
    next.hop->took_over(e, goes_further(next, e.to) ? where::passed_on : where::accepted);
}

/// The recipient is not a child of that supervisor, but below another one of its children: the mail
/// is in no journal of its own.
bool mail_delivery::goes_further(const mail_endpoint& next, std::string_view to) const {
    const std::size_t here = address_.size() + 1 + next.name.size() + 1;  // `/dam/deep/`
    return to.size() > here && to.find('/', here) != std::string_view::npos;
}

void mail_delivery::forget_taken_over(mail_endpoint& endpoint, next_hop::where then,
                                      std::string_view reason) {
    if (endpoint.hop) tell_later(endpoint.hop->forget(then), reason);
}

void mail_delivery::tell_later(waiting_origins senders, std::string_view reason) {
    if (senders.size() == 0) return;
    untold_.push_back({std::move(senders), reason});
    unfinished_.notify();
}

/// A hundred thousand may wait for a receipt, with ids of a thousand bytes.
void mail_delivery::tell_some() {
    for (std::size_t n = 0; n < told_per_turn && !untold_.empty();) {
        untold_senders& first = untold_.front();
        if (const auto sender = first.who.take_any()) {
            answers_.undeliverable(sender->view(), first.reason);
            ++n;
        } else {
            untold_.pop_front();
        }
    }
}

}  // namespace supe
