// Mail that outlives its supervisor: what is written when, and what comes back.
#include "supe/mail/mail_router.hpp"

#include <algorithm>

namespace supe {

void mail_router::keep_in(journal& kept, bool writes_new) {
    journal_ = &kept;
    writes_new_ = writes_new;
}

void mail_router::restore(const journaled_mail& mail) {
    last_sequence_ = std::max(last_sequence_, mail.sequence);
    if (mail.from_above) from_above_.add(mail.id);
    const envelope kept = mail.view();
    const auto found = places_.find(mail.box);
    if (found == places_.end() || found->second->nested()) {  // the tree is another now
        events_.on_dead_letter(kept, mail.box, "removed", mail.history);
        if (kept.origin.receipt) answer(kept.origin, "MAIL-UNDELIVERABLE", "removed");
        journal_->erase(mail.sequence, mail.from_above ? mail.id : std::string());
        return;
    }
    found->second->box().restore(kept, mail.meant_for, mail.history);
}

void mail_router::on_journal(const journal::result& written) {
    for (std::size_t n = 0; n < written.puts; ++n) {
        mail_destination* const place = being_written_.front();
        being_written_.pop_front();
        if (!place) continue;
        if (written.error.empty()) {
            accepted(*place, place->box().commit()->view());
        } else if (const mail_ptr mail = place->box().fail_uncommitted()) {
            refuse(mail->view(), "mailbox-full");
            let_in_withheld(*place);
        }
    }
}

/// It has left its mailbox for good.
void mail_router::left(const held_mail& mail) {
    if (!mail.journaled) return;
    const bool from_above = mail.hop == mail_origin::uplink;
    journal_->erase(mail.sequence, from_above ? mail.id() : std::string_view());
}

void mail_router::went_back(const mail_destination& place, const held_mail& mail) {
    if (mail.journaled)
        journal_->put_back(mail.sequence, mail.attempt, mail.charges, mail.suspect,
                           place.box().story(mail));
}

}  // namespace supe
