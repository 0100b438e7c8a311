// The mail of one recipient: kept in order until acknowledged, redelivered after an end (contract
// §3). Pure: no I/O, no time.
#pragma once

#include "supe/mail/in_flight_mail.hpp"
#include "supe/mail/mail_list.hpp"

#include <chrono>
#include <string>
#include <unordered_map>
#include <vector>

namespace supe {

struct mailbox_limits {
    std::size_t count = 100000;
    std::size_t bytes = 256u << 20;
    unsigned window = 1024;  ///< the most that a component may have unacknowledged
    unsigned attempts = 3;   ///< charges after which a mail is dead
    bool block = false;      ///< on_full: block
};

/// What happened to a mail, for the dead letters: when, and in words ("crashed: killed by
/// SIGSEGV").
struct mail_event {
    std::chrono::system_clock::time_point at{};
    std::string what;
};
using mail_history = std::vector<mail_event>;

/// A mail that comes out of its mailbox undelivered.
struct dead_mail {
    mail_ptr mail;
    std::string reason;    ///< for people
    mail_history history;  ///< the oldest first, at most mailbox::history_limit
};

/// One queue, taken from by one consumer, or by several (`instances`), each with a window and a
/// hand of its own. Consumers are numbers from 0. Everything that a consumer has in hand, and the
/// answers meant for it, are its own.
class mailbox {
public:
    using consumer = unsigned;
    static constexpr consumer anyone = ~0u;
    static constexpr std::size_t history_limit = 16;

    explicit mailbox(mailbox_limits limits) : limits_(limits), consumers_(1) {}
    /// At least so many consumers from now on.
    void add_consumers(unsigned n);
    /// For what comes from now on (a tree file read anew).
    void set_limits(mailbox_limits limits) { limits_ = limits; }

    enum class offered {
        taken,     ///< it is in
        withheld,  ///< full, and the sender waits: admit() will tell
        full,      ///< refused; nothing was kept
    };
    /// Takes a mail in, where there is room by count and bytes; an empty mailbox takes any single
    /// mail. `meant_for`: this consumer alone. Under `block` a mail whose sender is patient is
    /// withheld, as many and as much again as the mailbox holds. Answers pass by the limits, up to
    /// as many and as much again, and by those that are withheld: who waits for one makes no room
    /// before it comes. `uncommitted`: it waits, counted already, until commit() lets it in (a
    /// journal writes it first).
    enum class entry { at_once, uncommitted };
    offered offer(const envelope& mail, consumer meant_for = anyone, entry how = entry::at_once);
    /// Takes back what an earlier life held, with its story, whatever the limits say. In order of
    /// sequence.
    void restore(const envelope& mail, consumer meant_for, mail_history story);
    /// Lets the next withheld mail in, when there is room; null when there is none or no room.
    /// Valid until the next call.
    const held_mail* admit(entry how = entry::at_once);
    /// The oldest uncommitted mail is on disk now and may be delivered. Null when there is none.
    /// Valid until the next call.
    const held_mail* commit();
    /// … or could not be written: takes it out.
    mail_ptr fail_uncommitted();

    /// A process of the component has its channel open. Until ended(), answers can be delivered.
    void connected(consumer c) { consumers_[c].connected = true; }
    /// The component takes mail, up to `window` unacknowledged (0 counts as 1, never more than the
    /// limit).
    void ready(consumer c, unsigned window);
    /// It takes none for now; what is in hand stays in hand.
    void pause(consumer c) { consumers_[c].ready = false; }
    /// What a mail that came back has been through; the journal keeps it too. Empty for all others.
    mail_history story(const held_mail& mail) const;
    bool is_ready(consumer c) const { return consumers_[c].ready; }

    /// The next mail to hand over, its attempt raised and now in hand; null when nothing may be
    /// delivered to this consumer now. Answers come first, and heed neither window nor pause:
    /// whoever waits for one can take no other mail before it. They don't count in the window. A
    /// suspect is delivered with nothing but answers in hand, and no other mail beside it. Valid
    /// until the next call.
    const held_mail* take_next(consumer c);

    /// One in hand that the consumer, a supervisor, cannot put into its mailbox for now: it does
    /// not count any more, neither in the window nor in the limits, which are for all that go the
    /// same way. Null when there is none by that id, or it is parked already. Valid until the next
    /// call.
    const held_mail* park(consumer c, std::string_view id);

    /// Acknowledges the oldest in hand; null when nothing is.
    mail_ptr ack_oldest(consumer c);
    /// Acknowledges one in hand, by id, in any order; null when there is none.
    mail_ptr ack(consumer c, std::string_view id);
    /// What the component wants done with a mail that it refuses.
    enum class rejected { requeue, dead };
    struct rejection {
        const held_mail* back = nullptr;  ///< requeued
        dead_mail dead;                   ///< or out, with its history
    };
    /// The component refuses one in flight (the oldest, where `id` is empty).
    rejection reject(consumer c, std::string_view id, rejected how, mail_event why);

    /// The component's process ended. All in hand goes back to its place, before fresh mail, in
    /// order; delivery pauses. `charged`, for a crash of its own: a mail alone in flight is
    /// charged, several become suspects (contract §3, poison).
    struct aftermath {
        std::vector<dead_mail> dead;         ///< their charges are used up
        std::vector<const held_mail*> back;  ///< the others, in order; valid until the next call
    };
    enum class ending { charged, uncharged };
    aftermath ended(consumer c, ending charge, mail_event how);

    /// Takes everything out, in order, as for a recipient that was removed.
    std::vector<dead_mail> drain();
    /// Takes out what this consumer alone may have, in order; it was removed, the others go on.
    /// Call after ended().
    std::vector<dead_mail> drain(consumer c);
    /// Takes out what was withheld, in order.
    mail_list drain_withheld();

    std::size_t queued() const { return held_ + parked_ - in_flight(); }
    std::size_t in_flight() const;
    std::size_t withheld() const { return withheld_.size(); }
    std::size_t bytes() const { return bytes_; }
    bool empty() const { return held_ + parked_ == 0; }
    /// True when something could be delivered as soon as a component were ready.
    bool has_waiting() const;
    const mailbox_limits& limits() const { return limits_; }
    /// In order: what is in hand, then what waits (to be saved, or shown). `f(const held_mail&)`
    template <class F>
    void for_each(F f) const {
        for (const auto& c : consumers_) c.in_flight.for_each(f);
        for (const auto& c : consumers_) c.answers.for_each(f), c.own.for_each(f);
        waiting_.for_each(f);
        uncommitted_.for_each(f);
    }

private:
    struct state {
        in_flight_mail in_flight;  // in order of delivery
        mail_list answers;         // meant for it; they pass by the window
        mail_list own;             // other mail meant for it alone
        std::size_t counted = 0;   // in hand without the answers, and those that are parked
        unsigned window = 1;
        bool ready = false;
        bool connected = false;
        bool suspect_in_flight = false;
    };
    bool has_capacity(std::size_t bytes, std::size_t share = 1) const;
    void let_in(mail_ptr mail);
    const held_mail* deliver_from(state& s, mail_list& from);
    mail_ptr take_out(state& s, mail_ptr mail);
    void uncount(state& s, const held_mail& mail);
    void put_back(mail_ptr mail);
    void remember(const held_mail& mail, const mail_event& event);
    mail_history story_of(const held_mail& mail);
    void drain(mail_list& from, const char* reason, std::vector<dead_mail>& out);

    mailbox_limits limits_;
    mail_store store_;
    std::vector<state> consumers_;
    mail_list waiting_;      // for anyone
    mail_list uncommitted_;  // counted, not yet on disk
    mail_list withheld_;     // not counted: its senders wait
    std::size_t withheld_bytes_ = 0;
    std::size_t held_ = 0;   // mails, without the withheld ones, and those that are parked
    std::size_t bytes_ = 0;  // of them
    std::size_t parked_ = 0;
    std::uint64_t last_sequence_ = 0;
    std::unordered_map<std::uint64_t, mail_history>
        stories_;  // of those that came back, by sequence
};

}  // namespace supe
