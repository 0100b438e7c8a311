// What a supervisor remembers of the mail to and from a neighbouring supervisor, above or below.
// Mail goes hop by hop: each hop keeps it until the next one has accepted it (contract §3). Pure.
#pragma once

#include "supe/mail/mailbox.hpp"
#include "supe/mail/recent_ids.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace supe {

/// A sender that waits for the recipient's ack of a mail that the next hop took over.
struct waiting_origin {
    mail_origin origin;
    std::string id;
    mail_origin view() const {
        mail_origin whole = origin;
        whole.id = id;
        return whole;
    }
};

/// Such senders, by the id of their mail. Each step takes constant time: those of a hop that died
/// may be a hundred thousand, and are told one by one.
class waiting_origins {
public:
    /// The first sender of an id stays.
    void add(std::string_view mail, const mail_origin& origin) {
        const auto [at, is_new] =
            by_mail_.try_emplace(std::string(mail), waiting_origin{origin, std::string(origin.id)});
        if (is_new) bytes_ += at->first.size() + at->second.id.size();
    }
    /// Nothing when no sender waits for it.
    std::optional<waiting_origin> take(std::string_view mail) {
        return take_at(by_mail_.find(std::string(mail)));
    }
    /// Nothing when no sender waits.
    std::optional<waiting_origin> take_any() { return take_at(by_mail_.begin()); }
    std::size_t size() const { return by_mail_.size(); }
    std::size_t bytes() const { return bytes_; }  ///< of the ids

private:
    using senders = std::unordered_map<std::string, waiting_origin>;
    std::optional<waiting_origin> take_at(senders::iterator at) {
        if (at == by_mail_.end()) return std::nullopt;
        auto node = by_mail_.extract(at);
        bytes_ -= node.key().size() + node.mapped().id.size();
        return std::move(node.mapped());
    }

    senders by_mail_;
    std::size_t bytes_ = 0;
};

class next_hop {
public:
    // Mail from this hop

    /// True when the mail was accepted here before. The hop sends it again when it got no answer.
    bool is_repeat(const envelope& mail) const {
        return mail.attempt > 0 && received_.contains(mail.id);
    }
    void accepted(std::string_view id) { received_.add(id); }

    // Mail to this hop

    /// False when as many senders wait for their receipt as the mailbox may hold mails, or their
    /// ids are as long as its mails may be: nobody else counts them.
    bool has_room(const mailbox_limits& limits) const {
        const std::size_t count = accepted_.size() + passed_on_.size();
        const std::size_t bytes = accepted_.bytes() + passed_on_.bytes();
        return count == 0 || (count < limits.count && bytes < limits.bytes);
    }
    /// Where a mail is that the hop took over: with the hop, or with a further one below it.
    enum class where { accepted, passed_on };
    /// A sender that asked for a receipt goes on waiting.
    void took_over(const envelope& mail, where now = where::accepted) {
        if (mail.origin.receipt) senders_of(now).add(mail.id, mail.origin);
    }
    /// The sender that waits for the outcome of this mail; nothing when it asked for no receipt.
    std::optional<waiting_origin> finished(std::string_view id) {
        auto sender = accepted_.take(id);
        return sender ? std::move(sender) : passed_on_.take(id);
    }
    /// The senders that wait for mail that was there: the hop died.
    waiting_origins forget(where then) { return std::exchange(senders_of(then), {}); }

private:
    waiting_origins& senders_of(where w) { return w == where::accepted ? accepted_ : passed_on_; }

    recent_ids received_;
    waiting_origins accepted_, passed_on_;
};

}  // namespace supe
