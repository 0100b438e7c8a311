// The first half of a mail's way: from its sender to its mailbox (contract §1, address).
#pragma once

#include "supe/channel/message.hpp"
#include "supe/mail/mail_delivery.hpp"

#include <string>
#include <string_view>

namespace supe {

/// Routes the mail of one supervisor: between its children, up to its own supervisor, and down
/// through nested supervisors.
class mail_router {
public:
    /// `address`: of this supervisor from the root, empty for the root. `ids`: the prefix of every
    /// mail id that this router assigns.
    mail_router(std::string address, std::string ids, mail_directory& directory,
                sender_answers& answers, mail_delivery& delivery, mail_events& events)
        : address_(std::move(address)), ids_(std::move(ids)), directory_(directory),
          answers_(answers), delivery_(delivery), events_(events) {}

    void from_child(mail_endpoint& sender, const mail_frame& frame);
    void from_above(const mail_frame& frame);
    /// Mail from the control socket, or from the supervisor itself. `origin.id` identifies it in
    /// the answers. Returns its mail id. A plain name in `to` is a child's.
    std::string post(std::string to, std::string msg, mail_origin origin);

private:
    void route(envelope& mail, std::string_view to);
    void to_child(envelope& mail, std::string_view to, std::string_view path);
    void to_above(envelope& mail, std::string_view to);
    void to_supervisor(const envelope& mail);
    bool is_repeat(const envelope& mail, const next_hop& from);
    bool means_us(std::string_view to) const;
    void make_absolute(envelope& mail, std::string& text) const;
    std::string_view new_id(std::string& text);

    std::string address_;
    std::string ids_;
    mail_directory& directory_;
    sender_answers& answers_;
    mail_delivery& delivery_;
    mail_events& events_;
    std::uint64_t last_id_ = 0;
};

}  // namespace supe
