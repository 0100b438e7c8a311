// What senders are answered: MAIL-ACCEPTED, MAIL-ACKED, MAIL-UNDELIVERABLE (contract §2).
#pragma once

#include "supe/channel/outbox.hpp"
#include "supe/mail/mail_directory.hpp"
#include "supe/mail/mail_events.hpp"

#include <string>
#include <string_view>

namespace supe {

/// Never silence: whoever asked for an answer gets one, for the others there is a notice. An answer
/// goes back the way its mail came, to the life of the sender that sent it.
class sender_answers {
public:
    sender_answers(mail_directory& directory, outbox& out, mail_events& events)
        : directory_(directory), out_(out), events_(events) {}

    void accepted(const mail_origin& origin);
    void acked(const mail_origin& origin) { send(origin, signal_kind::mail_acked, {}); }
    void undeliverable(const mail_origin& origin, std::string_view reason) {
        send(origin, signal_kind::mail_undeliverable, reason);
    }
    /// As undeliverable(); where the sender asked for no answer, notice `mail-undeliverable`.
    void refuse(const envelope& mail, std::string_view reason);
    /// To supervisors alone: behind one mailbox that is full (`on_full: block`), or one supervisor
    /// that is down, mail for others must not have to wait.
    void withheld(const mail_origin& origin);
    /// What a supervisor further on found out about a mail that it took over.
    void send(const mail_origin& origin, signal_kind outcome, std::string_view reason);

    /// Appends what was gathered for our own supervisor.
    void flush();

private:
    void append(channel& to, signal_kind outcome, std::string_view id, std::string_view reason);

    mail_directory& directory_;
    outbox& out_;
    mail_events& events_;
    std::string acks_above_;  // `"a","b"`: our own supervisor hears an acceptance as an ack
};

}  // namespace supe
