// Mail that outlives its supervisor: what is written at which step, and what is restored.
#include "supe/async/assertion.hpp"
#include "supe/mail/mail_delivery.hpp"
#include "supe/text/json_text.hpp"

#include <algorithm>
#include <utility>

namespace supe {
namespace {

/// Whether a consumer of this mailbox may get mail that is meant for `consumer`.
bool may_get(const mail_destination& destination, mailbox::consumer consumer) {
    if (destination.is_supervisor()) return false;
    return consumer == mailbox::anyone ||
           std::ranges::binary_search(destination.consumers, consumer, {},
                                      &mail_endpoint::consumer);
}

}  // namespace

void mail_delivery::keep_in(journal& kept, new_mail which) {
    journal_ = &kept;
    new_mail_ = which;
}

void mail_delivery::restore(const journaled_mail& mail) {
    SUPE_ASSERT(journal_);
    last_sequence_ = std::max(last_sequence_, mail.sequence);
    if (mail.from_above && directory_.uplink()) directory_.uplink()->hop->accepted(mail.id);
    if (!mail.is_sound()) return give_up_damaged(mail);
    mail_destination* const destination = directory_.destination(mail.box);
    if (!destination || !may_get(*destination, mail.meant_for)) {
        unknown_[{mail.box, mail.meant_for}].push_back(mail);
        return;
    }
    destination->box().restore(mail.view(), mail.meant_for, mail.history);
}

/// The letter has its bytes as a JSON string.
void mail_delivery::give_up_damaged(journaled_mail mail) {
    mail.msg = json_quoted(mail.msg);
    mail.extras.clear();
    events_.on_dead_letter(mail.view(), mail.recipient(), "its text in the journal is no JSON",
                           mail.history);
    if (mail.receipt) answers_.undeliverable(mail.view().origin, "dead-lettered");
    journal_->erase(mail.sequence, mail.from_above ? mail.id : std::string());
}

void mail_delivery::wake(const std::string& box) {
    mail_destination* const destination = directory_.destination(box);
    if (!destination) return;
    ++destination->wants_consumers;
    changed(*destination);
}

/// A child of that name is there again, or that instance. It may have a hundred thousand mails.
/// While no child has come there is no look: each turn asks, and there may be thousands of names.
void mail_delivery::let_in_unknown() {
    if (!is_letting_in_ && looked_at_ == directory_.additions()) return;
    is_letting_in_ = true;  // also when a step throws
    bool is_full = false;   // the rest has the next turn
    std::size_t count = 0, bytes = 0;
    for (auto entry = unknown_.begin(); entry != unknown_.end() && !is_full;) {
        const auto& [name, meant_for] = entry->first;
        mail_destination* const destination = directory_.destination(name);
        if (!destination || !may_get(*destination, meant_for)) {
            ++entry;
            continue;
        }
        auto& mails = entry->second;
        for (; !mails.empty() && count < restored_per_turn && bytes < restored_bytes_per_turn;
             ++count, mails.pop_front()) {
            const journaled_mail& mail = mails.front();  // sound, as restore() found it
            const envelope kept = mail.view();
            bytes += kept.bytes();
            destination->box().restore(kept, mail.meant_for, mail.history);
            ++destination->wants_consumers;
        }
        is_full = !mails.empty();
        changed(*destination);
        if (mails.empty()) entry = unknown_.erase(entry);
    }
    is_letting_in_ = is_full;
    looked_at_ = directory_.additions();
}

/// What comes meanwhile is delivered behind it.
bool mail_delivery::has_earlier_mail(const mail_destination& destination) const {
    for (auto entry = unknown_.lower_bound({destination.name, 0});
         entry != unknown_.end() && entry->first.first == destination.name; ++entry)
        if (may_get(destination, entry->first.second)) return true;
    return false;
}

bool mail_delivery::drop_unknown(std::uint64_t sequence) {
    for (auto entry = unknown_.begin(); entry != unknown_.end(); ++entry) {
        auto& mails = entry->second;
        const auto mail = std::ranges::find(mails, sequence, &journaled_mail::sequence);
        if (mail == mails.end()) continue;
        drop(*mail);
        mails.erase(mail);
        if (mails.empty()) unknown_.erase(entry);
        return true;
    }
    return false;
}

std::size_t mail_delivery::drop_all_unknown() {
    std::size_t n = 0;
    for (const auto& [name, mails] : std::exchange(unknown_, {})) {
        for (const journaled_mail& mail : mails) drop(mail);
        n += mails.size();
    }
    return n;
}

/// Its senders in this supervisor died with an earlier life of it; one above may wait.
void mail_delivery::drop(const journaled_mail& mail) {
    journal_->erase(mail.sequence, mail.from_above ? mail.id : std::string());
    waiting_origins above;
    if (mail.receipt) above.add(mail.id, mail.view().origin);
    tell_later(std::move(above), "removed");
}

void mail_delivery::on_journal(const journal::result& written) {
    for (std::size_t n = 0; n < written.puts; ++n) {
        SUPE_ASSERT(!being_written_.empty());
        mail_destination* const destination = being_written_.front();
        being_written_.pop_front();
        if (!destination) continue;
        mailbox& box = destination->box();
        if (written.error.empty() && box.uncommitted_has_consumer()) {
            const held_mail* const mail = box.commit();
            SUPE_ASSERT(mail);
            accepted(*destination, mail->view());
        } else if (const mail_ptr mail = box.fail_uncommitted()) {
            if (written.error.empty()) left(*mail);
            answers_.refuse(mail->view(), written.error.empty() ? "removed" : "journal-failed");
            changed(*destination);
        }
    }
}

/// It has left its mailbox for good.
void mail_delivery::left(const held_mail& mail) {
    if (!mail.journaled) return;
    SUPE_ASSERT(journal_);
    const bool from_above = mail.source == mail_source::uplink;
    journal_->erase(mail.sequence, from_above ? mail.id() : std::string_view());
}

void mail_delivery::went_back(const mail_destination& destination, const held_mail& mail) {
    if (mail.journaled)
        journal_->put_back(mail.sequence, mail.attempt, mail.charges, mail.suspect,
                           destination.box().history(mail));
}

}  // namespace supe
