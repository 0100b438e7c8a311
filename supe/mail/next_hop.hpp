// What a supervisor remembers of the mail to and from a neighbouring supervisor, above or below.
// Mail goes hop by hop: each hop keeps it until the next one has accepted it (contract §3). Pure.
#pragma once

#include "supe/mail/mailbox.hpp"
#include "supe/mail/recent_ids.hpp"

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace supe {

/// A sender that waits for the recipient's ack of a mail that the next hop took over.
struct waiting_origin {
    mail_origin origin;
    std::string id;
    bool passed_on = false;  ///< the hop itself has passed it on to a further one
    mail_origin view() const {
        mail_origin whole = origin;
        whole.id = id;
        return whole;
    }
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
        return waiting_.empty() || (waiting_.size() < limits.count && bytes_ < limits.bytes);
    }
    /// The hop has accepted it, or has `passed_on` it. A sender that asked for a receipt goes on
    /// waiting.
    void took_over(const envelope& mail, bool passed_on = false) {
        if (!mail.origin.receipt) return;
        const auto [at, is_new] = waiting_.try_emplace(
            std::string(mail.id),
            waiting_origin{mail.origin, std::string(mail.origin.id), passed_on});
        if (is_new) bytes_ += bytes_of(*at);
    }
    /// The sender that waits for the outcome of this mail; nothing when it asked for no receipt.
    std::optional<waiting_origin> finished(std::string_view id) {
        const auto found = waiting_.find(std::string(id));
        if (found == waiting_.end()) return std::nullopt;
        bytes_ -= bytes_of(*found);
        waiting_origin who = std::move(found->second);
        waiting_.erase(found);
        return who;
    }
    /// The senders that wait: the hop died, with the mail that it had taken over, or with what it
    /// knew of the mail that it had passed on.
    enum class which { all, passed_on };
    std::vector<waiting_origin> forget(which of_them) {
        std::vector<waiting_origin> gone;
        for (auto at = waiting_.begin(); at != waiting_.end();) {
            if (of_them == which::passed_on && !at->second.passed_on) {
                ++at;
                continue;
            }
            bytes_ -= bytes_of(*at);
            gone.push_back(std::move(at->second));
            at = waiting_.erase(at);
        }
        return gone;
    }

private:
    using senders = std::unordered_map<std::string, waiting_origin>;  // by mail id
    static std::size_t bytes_of(const senders::value_type& sender) {
        return sender.first.size() + sender.second.id.size();
    }

    recent_ids received_;
    senders waiting_;
    std::size_t bytes_ = 0;  // of their ids
};

}  // namespace supe
