// The mail of one recipient: kept in order until it is acknowledged, and redelivered after the end
// of a process (contract §3). Pure: no I/O, no time.
#pragma once

#include "supe/mail/in_flight_mail.hpp"
#include "supe/mail/mail_list.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace supe {

struct mailbox_limits {
    std::size_t count = 100000;
    std::size_t bytes = 256u << 20;
    unsigned window = 1024;  ///< the largest number of unacknowledged mails of one component
    unsigned attempts = 3;   ///< charges after which a mail goes to the dead letters
    bool block = false;      ///< on_full: block
    bool operator==(const mailbox_limits&) const = default;
};

/// What happened to a mail, for its history: when, and what ("it crashed: SIGSEGV").
struct mail_event {
    std::chrono::system_clock::time_point at{};
    std::string what;
    std::size_t bytes() const { return sizeof *this + what.size(); }
};
using mail_history = std::vector<mail_event>;

/// A mail that left its mailbox and goes to the dead letters.
struct dead_mail {
    mail_ptr mail;
    std::string reason;    ///< for people
    mail_history history;  ///< oldest first, at most mailbox::history_limit
};

/// One queue with one consumer, or with several (`instances`). A consumer is a number from 0. Each
/// has a window, its mail in flight, and a queue of its own: the answers and other mail that only
/// it may get.
class mailbox {
public:
    using consumer = unsigned;
    static constexpr consumer anyone = ~0u;
    static constexpr std::size_t history_limit = 16;

    explicit mailbox(mailbox_limits limits) : limits_(limits), consumers_(1) {}
    /// At least so many consumers from now on. The last of them may have been removed before.
    void add_consumers(unsigned n);
    /// The limits of mail that comes from now on (a reload of the tree file).
    void set_limits(mailbox_limits limits) { limits_ = limits; }

    enum class offered {
        taken,     ///< the mailbox has it
        withheld,  ///< the mailbox is full and the sender waits: admit() returns it later
        full,      ///< refused; nothing was kept
    };
    /// Takes a mail when there is capacity, by count and by bytes; an empty mailbox takes any
    /// single mail. `meant_for`: the only consumer that may get it.
    /// Under `block` a mail is withheld when its sender is patient, up to the limits once more.
    /// Answers pass the limits, up to the limits once more, and they pass withheld mail: a
    /// component that waits for an answer frees no capacity before it comes.
    /// `uncommitted`: the mail counts already, but waits for commit(): a journal writes it
    /// first.
    enum class entry { at_once, uncommitted };
    offered offer(const envelope& mail, consumer meant_for = anyone, entry how = entry::at_once);
    /// Takes a mail of an earlier life, with its history, whatever the limits are, at its position.
    void restore(const envelope& mail, consumer meant_for, mail_history history);
    /// Takes the next withheld mail; null when there is no such mail, or no capacity. Valid until
    /// the next call.
    const held_mail* admit(entry how = entry::at_once);
    /// The next withheld mail, out of the mailbox, where it is for a consumer alone that was
    /// removed meanwhile. Else null.
    mail_ptr refuse_withheld();
    /// The oldest uncommitted mail is on disk, and may be delivered now. Null when there is no such
    /// mail. Valid until the next call.
    const held_mail* commit();
    /// False when the oldest uncommitted mail is for a consumer alone that was removed meanwhile.
    bool uncommitted_has_consumer() const;
    /// The oldest uncommitted mail could not be written, or has no consumer any more: removes it.
    mail_ptr fail_uncommitted();

    /// The component's process has a channel. Until ended(), answers can be delivered.
    void connected(consumer c) { consumers_[c].connected = true; }
    /// The component takes mail, up to `window` unacknowledged ones (at least 1, at most the
    /// limit).
    void ready(consumer c, unsigned window);
    /// It takes no mail for now. What is in flight stays in flight.
    void pause(consumer c) { consumers_[c].ready = false; }
    /// The history of a mail that was put back, for the journal. Empty for other mail.
    mail_history history(const held_mail& mail) const;

    /// The next mail to deliver to this consumer, with its attempt raised; it is in flight now.
    /// Null when nothing may be delivered. Valid until the next call.
    /// Answers come first. They ignore window and pause, and do not count in the window: a
    /// component that waits for one can take no other mail before it. A suspect is delivered when
    /// only answers are in flight, and no other mail beside it; an answer that is a suspect too:
    /// the process that waited for it is dead.
    const held_mail* take_next(consumer c);

    /// Parks a mail in flight to a supervisor that has no capacity for it now. The mail no longer
    /// counts in the window and in the limits, so that mail for others passes. Null when no mail
    /// has that id, or it is parked already. Valid until the next call.
    const held_mail* park(consumer c, std::string_view id);

    /// Acknowledges the oldest mail in flight; null when nothing is in flight.
    mail_ptr ack_oldest(consumer c);
    /// Acknowledges the mail in flight with this id, in any order; null when no mail has it.
    mail_ptr ack(consumer c, std::string_view id);
    /// What happens to a mail that the component refuses: back to its position, or out.
    enum class rejected { requeued, dead };
    struct rejection {
        const held_mail* back = nullptr;  ///< requeued
        dead_mail dead;                   ///< not requeued: out, with its history
    };
    /// The component refuses a mail in flight (the oldest, when `id` is empty).
    rejection reject(consumer c, std::string_view id, rejected how, mail_event why);

    /// The component's process ended. All mail in flight goes back to its position, before fresh
    /// mail; delivery pauses. `charged`: it was a crash of the component itself. Then a mail that
    /// was alone in flight is charged, and several become suspects (contract §3, poison).
    struct aftermath {
        std::vector<dead_mail> dead;  ///< mail with as many charges as `attempts`
        std::vector<const held_mail*>
            back;  ///< the other mail, in order; valid until the next call
    };
    /// `killed`: of a supervisor, which may have accepted more than it said. Nobody is accused, and
    /// the charges of a mail count how often it was in flight then.
    enum class ending { charged, uncharged, killed };
    aftermath ended(consumer c, ending charge, mail_event how);

    /// The recipient was removed: take_removed() has all mail from now on.
    void remove();
    /// This consumer was removed, the others go on. Returns what only this one may get, as a
    /// mailbox whose recipient was removed, with one consumer whatever `c` is. Its mail keeps
    /// `meant_for`. Call it after ended().
    std::shared_ptr<mailbox> split_off(consumer c);
    struct removed_mail {
        mail_ptr mail;          ///< null: no more
        mail_history history;   ///< as of dead_mail
        bool accepted = false;  ///< else its sender waits for the answer
    };
    /// Takes the next mail whose recipient was removed: a mailbox of any size is emptied in short
    /// turns. What was not accepted comes first, then the rest in order.
    removed_mail take_removed();

    std::size_t queued() const;
    std::size_t in_flight() const { return in_flight_; }
    std::size_t in_flight(consumer c) const { return consumers_[c].in_flight.size(); }
    std::size_t withheld() const { return withheld_.size(); }
    std::size_t bytes() const { return bytes_; }
    bool empty() const { return held_ + parked_ == 0; }
    // What waits for a consumer to be ready. Answers are left out: the life that called for them is
    // over when its consumer is down, so they are no reason to begin another one.

    /// True when mail waits that any consumer may get.
    bool has_waiting_for_anyone() const { return front_for_anyone() != nullptr; }
    /// True when mail waits that only this consumer may get.
    bool has_own_waiting(consumer c) const { return first_own(consumers_[c]) != nullptr; }
    /// True when mail waits that this consumer may get.
    bool has_waiting(consumer c) const { return has_waiting_for_anyone() || has_own_waiting(c); }
    /// The last of the mail that waits and that this consumer may get, by sequence; 0: none waits.
    std::uint64_t last_waiting(consumer c) const;
    /// True when mail up to this sequence, which this consumer may get, waits or is in flight to
    /// it.
    bool has_left(consumer c, std::uint64_t up_to) const;
    const mailbox_limits& limits() const { return limits_; }
    /// Calls `f(const held_mail&)` for the mail in flight, then for the mail that waits. Withheld
    /// mail is left out.
    template <class F>
    void for_each(F f) const {
        for (const auto& c : consumers_) c.in_flight.for_each(f);
        for (const auto& c : consumers_) c.answers.for_each(f), c.own.for_each(f);
        const held_mail* fresh = waiting_.front();
        for (const auto& [sequence, mail] : returned_) {
            for (; fresh && fresh->sequence < sequence; fresh = fresh->next) f(*fresh);
            f(*mail);
        }
        for (; fresh; fresh = fresh->next) f(*fresh);
        uncommitted_.for_each(f);
    }

    /// Where a reader is that reads the mailbox with pauses, while mail comes and leaves.
    struct reading {
        std::uint64_t last = 0;  ///< what comes behind this mail is not read
        std::size_t list = 0;
        mail_list::place at{};
        std::uint64_t sequence = 0;  ///< of the last mail for anyone
    };
    reading begin_reading() const { return {last_sequence_}; }
    /// The next of the mail that waits and was here at begin_reading(): what is for one consumer
    /// alone first. Null at the end. Valid until the next call.
    const held_mail* read_next(reading& r) const;

private:
    struct state {
        in_flight_mail in_flight;  // in order of delivery
        mail_list answers;         // for it alone; they pass the window
        mail_list own;             // other mail for it alone, and answers that are suspects
        std::size_t counted = 0;   // in flight, without such answers and parked mail
        unsigned window = 1;
        bool ready = false;
        bool connected = false;
        bool suspect_in_flight = false;
        bool removed = false;  // until a later one has its number
    };
    std::uint16_t meant_for_mark(const envelope& mail, consumer named) const;
    bool has_consumer(const held_mail& mail) const {
        return mail.meant_for == 0 || !consumers_[mail.meant_for - 1u].removed;
    }
    bool has_capacity(std::size_t bytes, std::size_t factor = 1) const;
    void let_in(mail_ptr mail);
    void put_in_place(mail_ptr mail);
    static const held_mail* first_own(const state& s);
    const held_mail* front_for_anyone() const;
    mail_ptr pop_for_anyone();
    const held_mail* next_for_anyone(reading& r) const;
    const held_mail* deliver(state& s, mail_ptr mail);
    mail_ptr take_out(state& s, mail_ptr mail);
    void uncount(state& s, const held_mail& mail);
    void release(const held_mail& mail);
    void put_back(mail_ptr mail);
    void remember(const held_mail& mail, const mail_event& event);
    mail_history& history_of(const held_mail& mail);
    mail_history take_history(const held_mail& mail);
    mail_ptr pop_removed();
    void take_over(mailbox& other, mail_list& from, mail_list& to);

    mailbox_limits limits_;
    mail_store store_;
    std::vector<state> consumers_;
    mail_list waiting_;                           // for anyone
    std::map<std::uint64_t, mail_ptr> returned_;  // for anyone, put back, by sequence
    mail_list uncommitted_;                       // counted, not yet on disk
    mail_list withheld_;                          // not counted: its senders wait
    bool gone_ = false;                           // the recipient was removed
    consumer removing_ = 0;                       // whose mail take_removed() looks at next
    std::size_t withheld_bytes_ = 0;
    std::size_t held_ = 0;   // mails, without withheld and parked ones
    std::size_t bytes_ = 0;  // of the mails in held_
    std::size_t parked_ = 0;
    std::size_t in_flight_ = 0;  // of all consumers
    std::uint64_t last_sequence_ = 0;
    using histories = std::unordered_map<std::uint64_t, mail_history>;  // by sequence
    std::unique_ptr<histories> histories_;  // of mail that was put back; null: none was yet
    std::size_t history_bytes_ = 0;
};

/// Its sender keeps it: `"dead_letter":false` (contract §2). Where it cannot be delivered the
/// sender gets the answer, and no copy of it is made.
bool is_kept_by_sender(const envelope& mail);

/// Who may get a mail: the component NAME, or one instance alone, `NAME.i`.
std::string recipient_name(const std::string& name, mailbox::consumer meant_for);
/// The same of a mail in the mailbox of `name` that is kept elsewhere. The life that an answer is
/// for is over, in whichever instance.
std::string recipient_name(const std::string& name, const held_mail& mail);

}  // namespace supe
