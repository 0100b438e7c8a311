// All of the mail of one supervisor, by the way of a mail: routing, delivery, answers to senders.
#pragma once

#include "supe/mail/mail_router.hpp"

#include <string>

namespace supe {

/// Follows what children and the supervisor above send; mail_events reports what concerns the
/// supervisor itself.
struct supervisor_mail {
    /// `address` and `ids` as of mail_router.
    supervisor_mail(std::string address, std::string ids, const clock& time, outbox& gathered,
                    mail_events& events)
        : out(gathered), answers(directory, out, events),
          delivery(directory, answers, out, events, time),
          router(std::move(address), std::move(ids), directory, answers, delivery, events) {}

    /// With the last endpoint that takes from a mailbox its mail goes to the dead letters.
    void remove(mail_endpoint& endpoint) {
        delivery.on_removed(endpoint);
        directory.remove(endpoint);
    }

    /// At the end of each turn of the event loop's work: the journal gets its steps, the channels
    /// their frames.
    void flush() {
        delivery.flush();
        answers.flush();
        out.flush();
    }

    outbox& out;
    mail_directory directory;
    sender_answers answers;
    mail_delivery delivery;
    mail_router router;
};

}  // namespace supe
