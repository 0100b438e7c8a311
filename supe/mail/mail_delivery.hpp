// The second half of a mail's way: into a mailbox, to a consumer, and out again.
#pragma once

#include "supe/async/clock.hpp"
#include "supe/mail/journal.hpp"
#include "supe/mail/sender_answers.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace supe {

/// Only settle() asks a mailbox which mail is next. Whatever changes a mailbox, a consumer or a
/// channel calls changed(); flush() then settles all of them, in turns of a bounded length. So
/// nobody is forgotten when something becomes free. Mail to another supervisor, up or down, waits
/// here until that hop has accepted it.
class mail_delivery {
public:
    /// `address`: of our supervisor, as of mail_router.
    mail_delivery(std::string address, mail_directory& directory, sender_answers& answers,
                  outbox& out, mail_events& events, clock& time)
        : address_(std::move(address)), directory_(directory), answers_(answers), out_(out),
          events_(events), time_(time), unfinished_(time) {}

    // The journal

    /// Whether new mail is accepted only after it is written, or stays in memory. Call it before
    /// anything else.
    enum class new_mail { is_written, stays_in_memory };
    void keep_in(journal& kept, new_mail which);
    /// A mail that an earlier life of this supervisor held. Call it after all children were added,
    /// and for all of them before new mail is written.
    void restore(const journaled_mail& mail);
    /// Mail was restored for this name while the children run.
    void wake(const std::string& box);
    /// The journal cannot be read yet. Until it is, mail that would be written is refused: it must
    /// not get the number of a mail that the file has. What stays in memory goes behind that mail.
    void await_earlier_mail() {
        is_unread_ = true;
        if (new_mail_ == new_mail::stays_in_memory)
            last_sequence_ = std::max(last_sequence_, first_in_memory);
    }
    /// All of it was restored, and new mail is written again.
    void on_earlier_mail() { is_unread_ = false; }
    /// The result of a commit.
    void on_journal(const journal::result& written);
    /// New mail waits for the result of its commit, and its senders for the answer.
    bool is_writing() const { return !being_written_.empty(); }

    // In

    /// `meant_for`: the only consumer that may get it, or `anyone`.
    void put(mail_destination& destination, envelope& mail, mailbox::consumer meant_for);
    /// Puts a mail into a mailbox again (a dead letter, a saved mailbox): uncharged, with its
    /// attempts. `recipient`: a child, or the one instance that may get it. Its `origin` gets the
    /// outcome: only after MAIL-ACCEPTED is it safe here.
    void put_again(const std::string& recipient, envelope mail);

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
    /// What becomes of the mail that a removed recipient accepted.
    enum class remains {
        become_letters,  ///< dead letters with reason `removed`
        are_saved,       ///< they are in a file: only who waits for a receipt hears of it
    };
    /// Call it before the directory removes the endpoint. Returns what nobody can get any more, to
    /// be buried: with the last consumer of a mailbox the mailbox, with another one a mailbox with
    /// what only that one might get.
    std::shared_ptr<mailbox> on_removed(mail_endpoint& endpoint);
    /// Empties the mailbox of a removed recipient, over as many turns as it takes. Mail that its
    /// sender still waits for is refused, also mail on its way to a supervisor.
    void bury(std::string recipient, std::shared_ptr<mailbox> box, endpoint_kind kind,
              remains then);
    /// Senders of what was removed are still to be told.
    bool is_burying() const { return !burials_.empty() || !untold_.empty(); }
    /// At most so many mails and bytes are still to become dead letters.
    struct amount {
        std::size_t mails = 0, bytes = 0;
    };
    amount coming_letters() const { return coming_letters_; }

    /// Who is next at this destination may have changed. Call it after each turn of a consumer's
    /// channel too, which may have taken output.
    void changed(mail_destination& destination);
    /// Settles what has changed, and starts the commit of this turn's steps. Where it is much, a
    /// part is left for the next call.
    void flush();
    bool has_unfinished() const { return !unsettled_.empty() || is_burying() || is_letting_in_; }
    /// `co_await unfinished()` resumes when a call of flush() left something.
    auto unfinished() { return unfinished_.wait(); }
    static constexpr std::size_t deliveries_per_turn = 2048;
    static constexpr std::size_t restored_per_turn = 1024;
    static constexpr std::size_t restored_bytes_per_turn = 1u << 20;  // and one mail more
    static constexpr std::size_t told_per_turn = 1024;
    static constexpr std::size_t burials_per_turn = 128;
    static constexpr std::size_t buried_bytes_per_turn = 1u << 20;  // and one mail more

    // Mail of an earlier life for names or instances that the tree does not have, or has as a
    // supervisor now (contract §3). It stays in the journal, and is delivered when they return.

    /// By the name, and the consumer that it is for.
    using mails_by_name =
        std::map<std::pair<std::string, mailbox::consumer>, std::deque<journaled_mail>>;
    const mails_by_name& unknown() const { return unknown_; }
    /// False when no mail of an unknown name has that sequence. Who waits for a receipt gets
    /// `removed`.
    bool drop_unknown(std::uint64_t sequence);
    /// The same for all. Returns how many there were.
    std::size_t drop_all_unknown();

private:
    /// A mailbox that is being emptied, or a part of it.
    struct burial {
        std::string recipient;
        std::shared_ptr<mailbox> box;
        endpoint_kind kind;
        remains then;
        amount letters;  // it may become
    };
    /// Senders that wait for a receipt which never comes.
    struct untold_senders {
        waiting_origins who;
        std::string_view reason;  // a literal
    };
    /// No journal ever has a mail of such a number: what is written is numbered from 1 on.
    static constexpr std::uint64_t first_in_memory = std::uint64_t{1} << 62;
    mailbox::entry entry_to(const mail_destination& destination) const;
    void taken(mail_destination& destination, const envelope& mail, mailbox::consumer meant_for);
    void accepted(mail_destination& destination, const envelope& mail);
    void settle();
    std::size_t settle(mail_destination& destination, std::size_t most);
    std::size_t let_in_withheld(mail_destination& destination, std::size_t most);
    std::size_t pump(mail_destination& destination, std::size_t most);
    void report_waiting(mail_destination& destination);
    void bury_some();
    void bury_one(const burial& of, mailbox::removed_mail removed);
    void let_in_unknown();
    bool has_earlier_mail(const mail_destination& destination) const;
    void give_up_damaged(journaled_mail mail);
    void acked(mail_endpoint& endpoint, const held_mail& mail);
    void taken_over(mail_endpoint& next, const held_mail& mail);
    bool goes_further(const mail_endpoint& next, std::string_view to) const;
    void forget_taken_over(mail_endpoint& endpoint, next_hop::where then, std::string_view reason);
    void tell_later(waiting_origins senders, std::string_view reason);
    void tell_some();
    void drop(const journaled_mail& mail);
    void to_dead_letters(const std::string& box, const dead_mail& dead, std::string_view verdict);
    void deliver(mail_endpoint& endpoint, const envelope& mail);
    void left(const held_mail& mail);
    void went_back(const mail_destination& destination, const held_mail& mail);

    std::string address_;
    mail_directory& directory_;
    sender_answers& answers_;
    outbox& out_;
    mail_events& events_;
    clock& time_;
    timer unfinished_;  // a call of flush() left something
    std::vector<mail_destination*> unsettled_;
    bool is_settling_ = false;
    std::deque<burial> burials_;
    amount coming_letters_;  // of all burials
    std::deque<untold_senders> untold_;
    mails_by_name unknown_;
    bool is_letting_in_ = false;  // a part of it has a recipient again, and waits for its turn
    std::size_t looked_at_ = 0;   // the directory's additions() when all of it was looked at
    journal* journal_ = nullptr;
    new_mail new_mail_ = new_mail::stays_in_memory;
    bool is_unread_ = false;  // the journal may have mail that was not restored
    std::deque<mail_destination*>
        being_written_;  // one for each put(); null when it was removed since
    std::uint64_t last_sequence_ = 0;
};

}  // namespace supe
