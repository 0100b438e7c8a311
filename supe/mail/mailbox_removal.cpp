// What becomes of the mail of a recipient, or of one of its instances, that was removed.
#include "supe/async/assertion.hpp"
#include "supe/mail/mailbox.hpp"

#include <algorithm>

namespace supe {

void mailbox::remove() {
    for (consumer c = 0; c < consumers_.size(); ++c) ended(c, ending::uncharged, {});
    gone_ = true;
}

std::shared_ptr<mailbox> mailbox::split_off(consumer c) {
    state& s = consumers_[c];
    SUPE_ASSERT(s.in_flight.empty());
    s.removed = true;
    auto part = std::make_shared<mailbox>(limits_);
    part->gone_ = true;
    state& only = part->consumers_.front();
    part->take_over(*this, s.answers, only.answers);
    part->take_over(*this, s.own, only.own);
    return part;
}

/// Mail that waits for one consumer alone, from the mailbox that has it. It still names that
/// consumer, but not as one of ours: a part for each of ten thousand instances stays small.
void mailbox::take_over(mailbox& other, mail_list& from, mail_list& to) {
    while (!from.empty()) {
        mail_ptr mail = from.pop_front();
        other.release(*mail);
        last_sequence_ = std::max(last_sequence_, mail->sequence);
        for (const mail_event& event : other.take_history(*mail)) remember(*mail, event);
        ++held_;
        bytes_ += mail->bytes();
        to.push_back(std::move(mail));
    }
}

mailbox::removed_mail mailbox::take_removed() {
    SUPE_ASSERT(gone_);
    removed_mail taken;
    if (!withheld_.empty()) {
        taken.mail = withheld_.pop_front();
        withheld_bytes_ -= taken.mail->bytes();
    } else if (!uncommitted_.empty()) {
        taken.mail = fail_uncommitted();
    } else if ((taken.mail = pop_removed())) {
        release(*taken.mail);
        taken.history = take_history(*taken.mail);
        taken.accepted = true;
    }
    return taken;
}

mail_ptr mailbox::pop_removed() {
    for (; removing_ < consumers_.size(); ++removing_) {
        state& s = consumers_[removing_];
        if (!s.answers.empty()) return s.answers.pop_front();
        if (!s.own.empty()) return s.own.pop_front();
    }
    return front_for_anyone() ? pop_for_anyone() : nullptr;
}

}  // namespace supe
