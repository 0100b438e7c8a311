// The second half of a mail's way: into a mailbox, to a consumer, and out again.
#pragma once

#include "supe/async/clock.hpp"
#include "supe/mail/journal.hpp"
#include "supe/mail/sender_answers.hpp"

#include <deque>
#include <string>
#include <string_view>

namespace supe {

/// Only this class asks a mailbox which mail is next: after each change it admits what was
/// withheld, and delivers what may be delivered. Mail to another supervisor, up or down, waits here
/// until that hop has accepted it.
class mail_delivery {
public:
    mail_delivery(mail_directory& directory, sender_answers& answers, outbox& out,
                  mail_events& events, const clock& time)
        : directory_(directory), answers_(answers), out_(out), events_(events), time_(time) {}

    // The journal

    /// Whether new mail is accepted only after it is written, or stays in memory. Call it before
    /// anything else.
    enum class new_mail { is_written, stays_in_memory };
    void keep_in(journal& kept, new_mail which);
    /// A mail that an earlier life of this supervisor held. Call it after all children were added.
    void restore(const journaled_mail& mail);
    /// The result of a commit.
    void on_journal(const journal::result& written);

    // In

    /// `meant_for`: the only consumer that may get it, or `anyone`.
    void put(mail_destination& destination, envelope& mail, mailbox::consumer meant_for);
    /// Puts a mail into a mailbox again (a dead letter, a saved mailbox): uncharged, with its
    /// attempts. Returns the reason of a refusal, or empty.
    std::string put_again(const std::string& recipient, envelope mail);

    // Out

    /// The process of this endpoint has a channel now: answers can be delivered.
    void on_connected(mail_endpoint& endpoint, channel& link, std::uint32_t life);
    /// The channel is about to close: nothing is written to it any more.
    void on_disconnected(mail_endpoint& endpoint);
    void on_ready(mail_endpoint& endpoint, unsigned window);
    void on_pause(mail_endpoint& endpoint) { endpoint.box.pause(endpoint.consumer); }
    void on_ack_oldest(mail_endpoint& endpoint);
    void on_ack(mail_endpoint& endpoint, std::string_view id);
    void on_reject(mail_endpoint& endpoint, std::string_view id, mailbox::rejected how,
                   const std::string& reason);
    /// A supervisor, above or below, reports what became of a mail that went to it.
    void on_outcome(mail_endpoint& next, signal_kind outcome, std::string_view id,
                    std::string_view reason);

    /// `how`: "it crashed: SIGSEGV", for the history of the mail in flight. True when a mail went
    /// to the dead letters by this end: the likely cause of the crash is gone.
    bool on_ended(mail_endpoint& endpoint, mailbox::ending charge, const std::string& how);
    /// With the last consumer of a mailbox its mail goes to the dead letters, with reason
    /// `removed`. Call it before the directory removes the endpoint.
    void on_removed(mail_endpoint& endpoint);

    /// Delivers what may be delivered now. Call it after each turn of a channel, which may have
    /// taken output.
    void pump(mail_destination& destination);

    /// Starts the commit of this turn's steps.
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
    std::deque<mail_destination*>
        being_written_;  // one for each put(); null when it was removed since
    std::uint64_t last_sequence_ = 0;
};

}  // namespace supe
