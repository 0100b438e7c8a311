// What a mailbox holds, and which of it waits for whom.
#include "supe/async/assertion.hpp"
#include "supe/mail/mailbox.hpp"
#include "supe/text/json_text.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace supe {

bool is_kept_by_sender(const envelope& mail) {
    if (mail.extras.empty()) return false;
    return member_of("{" + std::string(mail.extras.substr(1)) + "}", "dead_letter") == "false";
}

std::string recipient_name(const std::string& name, mailbox::consumer meant_for) {
    return meant_for == mailbox::anyone ? name : fmt::format("{}.{}", name, meant_for + 1);
}

std::string recipient_name(const std::string& name, const held_mail& mail) {
    const bool is_for_one = mail.meant_for && !mail.answer;
    return recipient_name(name, is_for_one ? mail.meant_for - 1u : mailbox::anyone);
}

std::size_t mailbox::queued() const {
    SUPE_ASSERT(in_flight_ <= held_ + parked_);
    return held_ + parked_ - in_flight_;
}

const held_mail* mailbox::read_next(reading& r) const {
    const std::size_t own_lists = 2 * consumers_.size();
    for (; r.list < own_lists; ++r.list, r.at = {}) {
        const state& s = consumers_[r.list / 2];
        const held_mail* const mail = (r.list % 2 == 0 ? s.answers : s.own).next(r.at);
        if (mail && mail->sequence <= r.last) return mail;
    }
    const held_mail* const mail = next_for_anyone(r);
    return mail && mail->sequence <= r.last ? mail : nullptr;
}

const held_mail* mailbox::next_for_anyone(reading& r) const {
    mail_list::place ahead = r.at;
    const held_mail* next = waiting_.next(ahead);
    const auto back = returned_.upper_bound(r.sequence);
    if (back != returned_.end() && (!next || back->first < next->sequence)) {
        next = back->second.get();
    } else {
        r.at = ahead;
    }
    if (next) r.sequence = next->sequence;
    return next;
}

/// Null when no mail waits for it alone, but answers that are suspects.
const held_mail* mailbox::first_own(const state& s) {
    const held_mail* mail = s.own.front();
    while (mail && mail->answer) mail = mail->next;
    return mail;
}

std::uint64_t mailbox::last_waiting(consumer c) const {
    if (!has_waiting(c)) return 0;
    const mail_list& own = consumers_[c].own;
    return std::max({waiting_.empty() ? 0 : waiting_.back()->sequence,
                     returned_.empty() ? 0 : returned_.rbegin()->first,
                     own.empty() ? 0 : own.back()->sequence});
}

bool mailbox::has_left(consumer c, std::uint64_t up_to) const {
    const auto is_meant = [&](const held_mail* mail) { return mail && mail->sequence <= up_to; };
    if (is_meant(front_for_anyone()) || is_meant(first_own(consumers_[c]))) return true;
    bool found = false;
    consumers_[c].in_flight.for_each(
        [&](const held_mail& mail) { found = found || (!mail.answer && is_meant(&mail)); });
    return found;
}

}  // namespace supe
