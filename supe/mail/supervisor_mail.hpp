// All parts of the mail of one supervisor, in the order in which a mail passes them: routing,
// delivery, answers to senders.
#pragma once

#include "supe/mail/mail_router.hpp"

#include <string>

namespace supe {

/// Its input is the mail of children and of the supervisor above. mail_events reports what concerns
/// the supervisor itself.
struct supervisor_mail {
    /// `address` and `ids` as of mail_router.
    supervisor_mail(std::string address, std::string ids, clock& time, outbox& gathered,
                    mail_events& events)
        : out(gathered), answers(directory, out, events),
          delivery(address, directory, answers, out, events, time),
          router(std::move(address), std::move(ids), directory, answers, delivery, events) {}

    /// Returns the mail that nobody can get any more: the caller has it buried
    /// (mail_delivery::on_removed()).
    std::shared_ptr<mailbox> take_out(mail_endpoint& endpoint) {
        auto left = delivery.on_removed(endpoint);
        directory.remove(endpoint);
        return left;
    }

    /// Call it at the end of each turn of the event loop's work: starts the journal's commit, and
    /// writes the frames to the channels.
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
