// What a supervisor remembers of the mail to and from a neighbouring supervisor, above or below.
// Mail goes hop by hop: each hop keeps it until the next one has accepted it (contract §3). Pure.
#pragma once

#include "supe/mail/envelope.hpp"
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

    /// The hop has accepted it. A sender that asked for a receipt goes on waiting.
    void took_over(const envelope& mail) {
        if (mail.origin.receipt)
            waiting_[std::string(mail.id)] = {mail.origin, std::string(mail.origin.id)};
    }
    /// The sender that waits for the outcome of this mail; nothing when it asked for no receipt.
    std::optional<waiting_origin> finished(std::string_view id) {
        const auto found = waiting_.find(std::string(id));
        if (found == waiting_.end()) return std::nullopt;
        waiting_origin who = std::move(found->second);
        waiting_.erase(found);
        return who;
    }
    /// All senders that wait: the hop died, with the mail that it had taken over.
    std::vector<waiting_origin> forget_all() {
        std::vector<waiting_origin> all;
        for (auto& [id, who] : waiting_) all.push_back(std::move(who));
        waiting_.clear();
        return all;
    }

private:
    recent_ids received_;
    std::unordered_map<std::string, waiting_origin> waiting_;  // by mail id
};

}  // namespace supe
