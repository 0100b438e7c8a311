// Keeps mail beyond the life of a supervisor (contract §5 `mail.journal`). An interface: a file, or
// memory in simulations.
#pragma once

#include "supe/async/awaitable.hpp"
#include "supe/mail/dead_letters.hpp"

#include <string>
#include <string_view>

namespace supe {

/// A copy of a mail in the mailbox of a child of this supervisor.
/// When it is restored, `attempt` has the delivery that may have been under way.
struct journaled_mail : stored_mail {
    std::uint64_t sequence = 0;  ///< its position, which identifies it in the journal
    std::string box;             ///< the child's name
    bool from_above = false;     ///< it came from our own supervisor, which gets the answers
    bool receipt = false;        ///< that supervisor also wants the ack
    mailbox::consumer meant_for = mailbox::anyone;
    unsigned charges = 0;
    bool suspect = false;
    mail_history history;

    journaled_mail() = default;
    journaled_mail(const std::string& recipient, const envelope& mail, mailbox::consumer only_for);
    /// With its counters and position. Valid as long as this.
    envelope view() const;
    /// False where its texts are no JSON, which no recipient could read: somebody wrote into the
    /// file, or the disk did.
    bool is_sound() const;
    std::string recipient() const {
        return recipient_name(box, answer ? mailbox::anyone : meant_for);
    }
};

/// Receives what an earlier life of the supervisor left.
class journal_reader {
public:
    virtual ~journal_reader() = default;
    /// In order of sequence.
    virtual void on_mail(const journaled_mail& mail) = 0;
    /// Oldest first.
    virtual void on_letter(dead_letter letter) = 0;
    /// The id of a mail from above that left its mailbox. It may be sent to us again, and is
    /// dropped then.
    virtual void on_finished(const std::string& id) = 0;
};

/// Steps reach the disk in the order of the calls, many in one commit. No call waits for the disk
/// but restore() and close().
class journal : public dead_letter_store {
public:
    /// The result of one commit. It covers the oldest `puts` calls of put() that had no result yet:
    /// they are on disk, or not one of them is, and `error` says why.
    struct result {
        std::size_t puts = 0;
        std::string error;  ///< one line; empty when they are on disk
    };

    /// A step of reading what an earlier life left. Read all of it before anything else, or put and
    /// flush meanwhile: that is written when all is read. `error` says why it cannot be read, or is
    /// empty. After an error every put() fails; the next call begins anew.
    struct part {
        std::string error;
        bool is_last = true;  ///< also with an error
    };
    virtual part restore_part(journal_reader& reader) = 0;
    /// All parts in one turn. Returns the error.
    std::string restore(journal_reader& reader);

    /// Precondition: no mail of the journal, read or not, has its sequence. Else the commit fails.
    virtual void put(journaled_mail mail) = 0;
    /// This mail is about to be delivered. Kept at once, beyond the death of this process (after a
    /// power failure every mail counts as delivered before).
    virtual void mark_delivery(const std::string& box, std::uint64_t sequence) = 0;
    /// It was acknowledged, or left its mailbox in another way. `finished`: its id when it came
    /// from above, else empty.
    virtual void erase(std::uint64_t sequence, std::string_view finished) = 0;
    /// It went back to its position, with new counters and a longer history.
    virtual void put_back(std::uint64_t sequence, unsigned attempt, unsigned charges, bool suspect,
                          mail_history history) = 0;

    /// Starts the commit of the steps gathered so far. Call it after each turn of the event loop's
    /// work.
    virtual void flush() = 0;
    /// Resumes when a commit has a result. One caller.
    virtual awaitable<result> next_result() = 0;
    /// At a clean end. Returns when all steps are written.
    virtual void close() = 0;
};

/// The history as text in the journal: `[[MS SINCE 1970,"WHAT"],…]`.
std::string to_text(const mail_history& history);
mail_history history_from(std::string_view text);
/// The letter as a JSON object. An unreadable text gives a letter without an id.
std::string to_text(const dead_letter& letter);
dead_letter letter_from(std::string_view text);

}  // namespace supe
