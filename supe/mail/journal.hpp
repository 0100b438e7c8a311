// Where mail is kept beyond the life of a supervisor (contract §5 `mail.journal`). An interface: a
// file, or memory in simulations.
#pragma once

#include "supe/async/awaitable.hpp"
#include "supe/mail/dead_letters.hpp"

#include <string>
#include <string_view>

namespace supe {

/// A mail in the mailbox of a child of this supervisor.
struct journaled_mail {
    std::uint64_t sequence = 0;  ///< its place: names it here
    std::string box;             ///< the child's name
    std::string id, from, msg, extras;
    bool answer = false;
    bool from_above = false;  ///< our own supervisor gave it to us, and hears what became of it
    bool receipt = false;     ///< … the ack too
    mailbox::consumer meant_for = mailbox::anyone;
    unsigned attempt = 0,
             charges = 0;  ///< restored: with the delivery that may have been under way
    bool suspect = false;
    mail_history history;

    journaled_mail() = default;
    journaled_mail(const std::string& recipient, const envelope& mail, mailbox::consumer only_for);
    /// Valid as long as this.
    envelope view() const;
};

/// Who gets back what an earlier life of the supervisor left.
class journal_reader {
public:
    virtual ~journal_reader() = default;
    /// In order of sequence.
    virtual void on_mail(const journaled_mail& mail) = 0;
    /// The oldest first.
    virtual void on_letter(dead_letter letter) = 0;
    /// The id of a mail from above that is done with: it may be given to us again, and is dropped
    /// then.
    virtual void on_finished(const std::string& id) = 0;
};

/// Steps reach the disk in the order of the calls, many in one commit. None of them waits.
class journal : public dead_letter_shelf {
public:
    /// Steps that were settled: the oldest `puts` of put() that were not settled yet are on disk,
    /// or none of them is.
    struct result {
        std::size_t puts = 0;
        std::string error;  ///< why not; one line
    };

    /// Reads what is there. Once, before anything else. Empty, or why it cannot be read: then every
    /// put() fails.
    virtual std::string restore(journal_reader& reader) = 0;

    virtual void put(journaled_mail mail) = 0;
    /// It is about to be handed over. Kept at once, beyond the death of this process (after a power
    /// failure any mail may have been).
    virtual void mark_delivery(const std::string& box, std::uint64_t sequence) = 0;
    /// It was acknowledged, or left its mailbox another way. `finished`: its id, where it came from
    /// above; else empty.
    virtual void erase(std::uint64_t sequence, std::string_view finished) = 0;
    /// It went back to its place: what it has been through by now.
    virtual void put_back(std::uint64_t sequence, unsigned attempt, unsigned charges, bool suspect,
                          mail_history history) = 0;

    /// Lets the steps gathered so far go to the disk. After each turn of the event loop's work.
    virtual void flush() = 0;
    /// Resumes when steps have been settled. One caller.
    virtual awaitable<result> next_result() = 0;
    /// At a clean end: what was gathered is written before this returns.
    virtual void close() = 0;
};

/// As text, for where it is kept: `[[MS SINCE 1970,"WHAT"],…]`.
std::string to_text(const mail_history& history);
mail_history history_from(std::string_view text);
/// A JSON object; an unreadable text gives a letter without an id.
std::string to_text(const dead_letter& letter);
dead_letter letter_from(std::string_view text);

}  // namespace supe
