// What a supervisor remembers of the supervisor at the other end of a channel, below or above: mail
// goes hop by hop, and each hop keeps it until the next one has accepted it (contract §3). Pure.
#pragma once

#include "supe/mail/envelope.hpp"
#include "supe/mail/recent_ids.hpp"

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace supe {

/// Who waits for the recipient's ack of a mail that the next hop took over.
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
    // What came from there.

    /// It was accepted here before: the hop sends again what it was not answered for.
    bool is_repeat(const envelope& mail) const {
        return mail.attempt > 0 && received_.contains(mail.id);
    }
    void accepted(std::string_view id) { received_.add(id); }

    // What went there.

    /// It is theirs now. Whoever asked for a receipt goes on waiting.
    void took_over(const envelope& mail) {
        if (mail.origin.receipt)
            waiting_[std::string(mail.id)] = {mail.origin, std::string(mail.origin.id)};
    }
    /// Who waited for what became of this mail; nobody where no receipt was asked for.
    std::optional<waiting_origin> finished(std::string_view id) {
        const auto found = waiting_.find(std::string(id));
        if (found == waiting_.end()) return std::nullopt;
        waiting_origin who = std::move(found->second);
        waiting_.erase(found);
        return who;
    }
    /// All of those: the hop is gone, and what it had taken over with it.
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
