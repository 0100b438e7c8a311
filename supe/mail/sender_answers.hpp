// The answers to senders: MAIL-ACCEPTED, MAIL-ACKED, MAIL-UNDELIVERABLE (contract §2).
#pragma once

#include "supe/channel/outbox.hpp"
#include "supe/mail/mail_directory.hpp"
#include "supe/mail/mail_events.hpp"

#include <string>
#include <string_view>

namespace supe {

/// No outcome is silent: a sender that asked for an answer gets one, and for other mail there is a
/// notice. An answer goes back the way its mail came, to the same life of the sender.
class sender_answers {
public:
    sender_answers(mail_directory& directory, outbox& out, mail_events& events)
        : directory_(directory), out_(out), events_(events) {}

    void accepted(const mail_origin& origin);
    void acked(const mail_origin& origin) { send(origin, signal_kind::mail_acked, {}); }
    void undeliverable(const mail_origin& origin, std::string_view reason) {
        send(origin, signal_kind::mail_undeliverable, reason);
    }
    /// As undeliverable(); when the sender asked for no answer, notice `mail-undeliverable`.
    void refuse(const envelope& mail, std::string_view reason);
    /// MAIL-WITHHELD, to supervisors only: mail for other recipients must not wait behind one full
    /// mailbox (`on_full: block`), or behind one supervisor that is down.
    void withheld(const mail_origin& origin);
    /// Passes on an outcome from the supervisor that took the mail over.
    void send(const mail_origin& origin, signal_kind outcome, std::string_view reason);

    /// Appends the acks that were gathered for our own supervisor.
    void flush();

private:
    void send_to(const mail_endpoint* sender, const mail_origin& origin, signal_kind outcome,
                 std::string_view reason);
    void append(channel& to, signal_kind outcome, std::string_view id, std::string_view reason);

    mail_directory& directory_;
    outbox& out_;
    mail_events& events_;
    std::string acks_above_;  // `"a","b"`: an acceptance is an ack to our own supervisor
};

}  // namespace supe
