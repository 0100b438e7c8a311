// The second half of a mail's way: into a mailbox, to whoever takes from it, and out again.
#pragma once

#include "supe/async/clock.hpp"
#include "supe/mail/journal.hpp"
#include "supe/mail/sender_answers.hpp"

#include <deque>
#include <string>
#include <string_view>

namespace supe {

/// The one place that asks the mailboxes who may go next: after each change it lets in what was
/// withheld and hands over what may be delivered. Mail that travels on, up or down, waits here
/// until the next hop has accepted it.
class mail_delivery {
public:
    mail_delivery(mail_directory& directory, sender_answers& answers, outbox& out,
                  mail_events& events, const clock& time)
        : directory_(directory), answers_(answers), out_(out), events_(events), time_(time) {}

    // Beyond the life of the supervisor

    /// New mail is accepted only when it is written, where `new_mail` is written. Before all else.
    enum class new_mail { is_written, stays_in_memory };
    void keep_in(journal& kept, new_mail which);
    /// What an earlier life of this supervisor held. After all children were added.
    void restore(const journaled_mail& mail);
    /// What the journal wrote, or could not write.
    void on_journal(const journal::result& written);

    // In

    /// `meant_for`: that consumer alone.
    void put(mail_destination& destination, envelope& mail, mailbox::consumer meant_for);
    /// What waits for a child again (dead letters, a saved mailbox): uncharged, its attempts go on.
    /// Why not, or empty.
    std::string put_again(const std::string& recipient, envelope mail);

    // Out

    /// The process of this endpoint has its channel: answers can be delivered.
    void on_connected(mail_endpoint& endpoint, channel& link, std::uint32_t life);
    /// Its channel is gone: nothing is written to it any more.
    void on_disconnected(mail_endpoint& endpoint);
    void on_ready(mail_endpoint& endpoint, unsigned window);
    void on_pause(mail_endpoint& endpoint) { endpoint.box.pause(endpoint.consumer); }
    void on_ack_oldest(mail_endpoint& endpoint);
    void on_ack(mail_endpoint& endpoint, std::string_view id);
    void on_reject(mail_endpoint& endpoint, std::string_view id, mailbox::rejected how,
                   const std::string& reason);
    /// A supervisor, below or our own, says what became of a mail that went to it.
    void on_outcome(mail_endpoint& next, signal_kind outcome, std::string_view id,
                    std::string_view reason);

    /// `how`: "it crashed: SIGSEGV", for the history of what was in flight. True where some mail is
    /// dead by this end: what caused the crash is out of the way.
    bool on_ended(mail_endpoint& endpoint, mailbox::ending charge, const std::string& how);
    /// With the last consumer of a mailbox its mail goes to the dead letters, reason `removed`.
    /// Before the directory forgets it.
    void on_removed(mail_endpoint& endpoint);

    /// Hands over what may be delivered now. After a turn of its channel: it may have room again.
    void pump(mail_destination& destination);

    /// The journal's steps of this turn go to its thread.
    void flush();

private:
    mailbox::entry entry_to(const mail_destination& destination) const;
    void taken(mail_destination& destination, const envelope& mail, mailbox::consumer meant_for);
    void accepted(mail_destination& destination, const envelope& mail);
    void let_in_withheld(mail_destination& destination);
    void acked(mail_endpoint& endpoint, const held_mail& mail);
    void taken_over(mail_endpoint& next, const held_mail& mail);
    void forget_taken_over(mail_endpoint& endpoint, std::string_view reason);
    void to_dead_letters(const mail_destination& destination, const dead_mail& dead,
                         std::string_view verdict);
    void deliver(mail_endpoint& endpoint, const envelope& mail);
    void left(const held_mail& mail);
    void went_back(const mail_destination& destination, const held_mail& mail);

    mail_directory& directory_;
    sender_answers& answers_;
    outbox& out_;
    mail_events& events_;
    const clock& time_;
    journal* journal_ = nullptr;
    new_mail new_mail_ = new_mail::stays_in_memory;
    std::deque<mail_destination*> being_written_;  // one a put(); null where it was removed since
    std::uint64_t last_sequence_ = 0;
};

}  // namespace supe
