// A mail's way through the queues of one mailbox:
//
//     offer ─┬─ (uncommitted) ─ commit ─┬─ waiting          ┬─ take_next ─ in flight ─┬─ ack, reject
//            │                          ├─ own of a consumer┤                         └─ ended: back
//            │                          └─ its answers      ┘
//            └─ withheld ─ admit, then as above
//
// - Order: the sequence number is the position of a mail. A mail that is put back goes to its
//   position: `returned` has those of `waiting`, so that the place is found at once however many
//   were in flight.
// - take_next: answers first, past window and pause. Then the oldest of the fronts of `own`,
//   `returned` and `waiting`, while fewer mails count than the window allows.
// - Suspects: mail that was in flight beside others at a crash. A suspect is delivered when no
//   other mail counts, and no mail follows until it is gone. So the next crash shows which mail is
//   poison. An answer that is a suspect waits and counts like other mail, so that the answers to
//   the calls of this life pass it.
// - Capacity: held_ and bytes_ count a mail from offer or admit until it leaves, in flight too.
//   Withheld and parked mail does not count. While mail is withheld, fresh mail is withheld or
//   refused, so that it does not overtake.
#include "supe/mail/mailbox.hpp"

#include "supe/async/assertion.hpp"

#include <algorithm>

namespace supe {
namespace {

constexpr std::size_t least_withheld = 1024;  // mails: the least that a small mailbox can withhold

/// In the window of its consumer.
bool counts(const held_mail& mail) { return !mail.answer || mail.suspect; }

}  // namespace

void mailbox::add_consumers(unsigned n) {
    if (n > consumers_.size()) consumers_.resize(n);
    if (n > 0) consumers_[n - 1].removed = false;
}

// --- in ---

/// As held_mail::meant_for. An answer always has one consumer: the first, when none is named.
std::uint16_t mailbox::meant_for_mark(const envelope& mail, consumer named) const {
    if (named == anyone && !mail.answer) return 0;
    if (named == anyone) {
        const auto first = std::ranges::find(consumers_, false, &state::removed);
        SUPE_ASSERT(first != consumers_.end());
        named = static_cast<consumer>(first - consumers_.begin());
    }
    return static_cast<std::uint16_t>(named + 1);
}

/// Within the limits times `factor`.
bool mailbox::has_capacity(std::size_t bytes, std::size_t factor) const {
    return held_ == 0 ||
           (held_ / factor < limits_.count && (bytes_ + bytes) / factor <= limits_.bytes);
}

mailbox::offered mailbox::offer(const envelope& mail, consumer meant_for, entry how) {
    const std::size_t bytes = mail.bytes();
    const bool fits =
        mail.answer ? has_capacity(bytes, 2) : withheld_.empty() && has_capacity(bytes);
    if (!fits) {
        const bool may_wait = limits_.block && mail.origin.patient && !mail.answer &&
                              withheld_.size() < std::max(limits_.count, least_withheld) &&
                              (withheld_.empty() || withheld_bytes_ + bytes <= limits_.bytes);
        if (!may_wait) return offered::full;
    }
    mail_ptr kept = store_.keep(mail);
    kept->meant_for = meant_for_mark(mail, meant_for);
    if (!kept->sequence) kept->sequence = last_sequence_ + 1;
    last_sequence_ = std::max(last_sequence_, kept->sequence);
    if (!fits) {
        withheld_bytes_ += bytes;
        withheld_.push_back(std::move(kept));
        return offered::withheld;
    }
    ++held_;
    bytes_ += bytes;
    if (how == entry::uncommitted) {
        kept->journaled = true;
        uncommitted_.push_back(std::move(kept));
    } else {
        let_in(std::move(kept));
    }
    return offered::taken;
}

void mailbox::restore(const envelope& mail, consumer meant_for, mail_history history) {
    mail_ptr kept = store_.keep(mail);
    kept->meant_for = meant_for_mark(mail, meant_for);
    kept->journaled = true;
    last_sequence_ = std::max(last_sequence_, kept->sequence);
    for (const mail_event& event : history) remember(*kept, event);
    ++held_;
    bytes_ += mail.bytes();
    if (meant_for != anyone) add_consumers(meant_for + 1);
    put_in_place(std::move(kept));
}

mail_history mailbox::history(const held_mail& mail) const {
    if (!histories_) return {};
    const auto found = histories_->find(mail.sequence);
    return found == histories_->end() ? mail_history() : found->second;
}

/// At its position: an answer that is a suspect may wait behind a mail that was withheld until now.
void mailbox::let_in(mail_ptr mail) {
    SUPE_ASSERT(mail->meant_for <= consumers_.size());
    put_in_place(std::move(mail));
}

const held_mail* mailbox::admit(entry how) {
    if (withheld_.empty() || !has_capacity(withheld_.front()->bytes())) return nullptr;
    mail_ptr mail = withheld_.pop_front();
    const held_mail* const admitted = mail.get();
    SUPE_ASSERT(withheld_bytes_ >= mail->bytes());
    withheld_bytes_ -= mail->bytes();
    SUPE_ASSERT(!withheld_.empty() || withheld_bytes_ == 0);
    ++held_;
    bytes_ += mail->bytes();
    if (how == entry::uncommitted) {
        mail->journaled = true;
        uncommitted_.push_back(std::move(mail));
    } else {
        let_in(std::move(mail));
    }
    return admitted;
}

const held_mail* mailbox::commit() {
    if (uncommitted_.empty()) return nullptr;
    mail_ptr mail = uncommitted_.pop_front();
    const held_mail* const committed = mail.get();
    let_in(std::move(mail));
    return committed;
}

bool mailbox::uncommitted_has_consumer() const {
    const held_mail* const mail = uncommitted_.front();
    return !mail || has_consumer(*mail);
}

mail_ptr mailbox::refuse_withheld() {
    if (withheld_.empty() || has_consumer(*withheld_.front())) return nullptr;
    withheld_bytes_ -= withheld_.front()->bytes();
    return withheld_.pop_front();
}

mail_ptr mailbox::fail_uncommitted() {
    if (uncommitted_.empty()) return nullptr;
    mail_ptr mail = uncommitted_.pop_front();
    release(*mail);
    return mail;
}

// --- delivery ---

void mailbox::ready(consumer c, unsigned window) {
    state& s = consumers_[c];
    s.ready = true;
    s.window = std::clamp(window, 1u, std::max(1u, limits_.window));
}

const held_mail* mailbox::take_next(consumer c) {
    state& s = consumers_[c];
    if (s.connected && !s.answers.empty()) return deliver(s, s.answers.pop_front());
    if (!s.ready || s.counted >= s.window || s.suspect_in_flight) return nullptr;
    const held_mail* next = front_for_anyone();
    const bool own_first = !s.own.empty() && (!next || s.own.front()->sequence < next->sequence);
    if (own_first) next = s.own.front();
    // A suspect and other mail are never in flight together: the next crash must show which one it
    // was.
    if (!next || (next->suspect && s.counted > 0)) return nullptr;
    s.suspect_in_flight = next->suspect;
    ++s.counted;
    return deliver(s, own_first ? s.own.pop_front() : pop_for_anyone());
}

/// Null when no mail waits that anyone may get.
const held_mail* mailbox::front_for_anyone() const {
    const held_mail* const fresh = waiting_.front();
    if (returned_.empty()) return fresh;
    const held_mail* const back = returned_.begin()->second.get();
    return fresh && fresh->sequence < back->sequence ? fresh : back;
}

/// Precondition: there is one.
mail_ptr mailbox::pop_for_anyone() {
    if (front_for_anyone() == waiting_.front()) return waiting_.pop_front();
    return std::move(returned_.extract(returned_.begin()).mapped());
}

const held_mail* mailbox::deliver(state& s, mail_ptr taken) {
    held_mail& mail = s.in_flight.add(std::move(taken));
    ++in_flight_;
    if (mail.attempt < UINT16_MAX) ++mail.attempt;
    return &mail;
}

mail_ptr mailbox::take_out(state& s, mail_ptr mail) {
    if (!mail) return nullptr;
    SUPE_ASSERT(in_flight_ > 0);
    --in_flight_;
    if (mail->parked) {
        SUPE_ASSERT(parked_ > 0);
        mail->parked = false;
        --parked_;
    } else {
        uncount(s, *mail);
    }
    return mail;
}

void mailbox::uncount(state& s, const held_mail& mail) {
    if (counts(mail)) {
        SUPE_ASSERT(s.counted > 0);
        --s.counted;
    }
    SUPE_ASSERT(s.counted <= s.in_flight.size());
    if (s.counted == 0) s.suspect_in_flight = false;
    release(mail);
}

/// It counts no more in the limits.
void mailbox::release(const held_mail& mail) {
    const std::size_t bytes = mail.bytes();
    SUPE_ASSERT(held_ > 0 && bytes_ >= bytes);
    --held_;
    bytes_ -= bytes;
    SUPE_ASSERT(held_ > 0 || bytes_ == 0);
}

const held_mail* mailbox::park(consumer c, std::string_view id) {
    state& s = consumers_[c];
    held_mail* const mail = s.in_flight.find(id);
    if (!mail || mail->parked) return nullptr;
    uncount(s, *mail);
    mail->parked = true;
    ++parked_;
    return mail;
}

mail_ptr mailbox::ack_oldest(consumer c) {
    state& s = consumers_[c];
    mail_ptr mail = take_out(s, s.in_flight.take_oldest());
    if (mail) take_history(*mail);
    return mail;
}

mail_ptr mailbox::ack(consumer c, std::string_view id) {
    state& s = consumers_[c];
    mail_ptr mail = take_out(s, s.in_flight.take(id));
    if (mail) take_history(*mail);
    return mail;
}

mailbox::rejection mailbox::reject(consumer c, std::string_view id, rejected how, mail_event why) {
    state& s = consumers_[c];
    rejection result;
    mail_ptr mail = take_out(s, id.empty() ? s.in_flight.take_oldest() : s.in_flight.take(id));
    if (!mail) return result;
    remember(*mail, why);
    if (how == rejected::requeued) {
        result.back = mail.get();
        put_back(std::move(mail));
        return result;
    }
    mail_history history = take_history(*mail);
    result.dead = {std::move(mail), std::move(why.what), std::move(history)};
    return result;
}

void mailbox::put_back(mail_ptr mail) {
    ++held_;
    bytes_ += mail->bytes();
    put_in_place(std::move(mail));
}

void mailbox::put_in_place(mail_ptr mail) {
    const std::uint64_t sequence = mail->sequence;
    if (mail->meant_for != 0) {
        state& s = consumers_[mail->meant_for - 1u];
        SUPE_ASSERT(!s.removed);
        (counts(*mail) ? s.own : s.answers).insert(std::move(mail));
    } else if (waiting_.empty() || waiting_.back()->sequence < sequence) {
        waiting_.push_back(std::move(mail));
    } else {
        returned_.emplace(sequence, std::move(mail));
    }
}

// --- ends ---

mailbox::aftermath mailbox::ended(consumer c, ending charge, mail_event how) {
    state& s = consumers_[c];
    s.ready = s.connected = false;
    // The component called for the answers while it handled its mail: that mail is alone in flight.
    const bool alone = s.counted == 1 || (s.counted == 0 && s.in_flight.size() == 1);
    const bool only_answers = s.counted == 0;
    aftermath result;
    std::vector<mail_ptr> back;
    while (mail_ptr mail = take_out(s, s.in_flight.take_newest())) {
        const bool accused = charge == ending::charged && (only_answers || counts(*mail));
        const bool counts_it = (accused && alone) || charge == ending::killed;
        if (counts_it && mail->charges < UINT16_MAX) ++mail->charges;
        if (accused && !alone) mail->suspect = true;
        remember(*mail, how);
        if (accused && mail->charges >= limits_.attempts) {
            mail_history history = take_history(*mail);
            result.dead.push_back(
                {std::move(mail), how.what + ", with this mail in flight", std::move(history)});
        } else {
            result.back.push_back(mail.get());
            back.push_back(std::move(mail));
        }
    }
    std::ranges::reverse(result.back);
    // In order of sequence: each is looked for behind the one before it.
    std::ranges::sort(back, {}, [](const mail_ptr& mail) { return mail->sequence; });
    for (mail_ptr& mail : back) put_back(std::move(mail));
    return result;
}

void mailbox::remember(const held_mail& mail, const mail_event& event) {
    if (event.what.empty()) return;
    mail_history& history = history_of(mail);
    const auto forget_oldest = [&] {
        history_bytes_ -= history.front().bytes();
        history.erase(history.begin());
    };
    if (history.size() >= history_limit) forget_oldest();
    history.push_back(event);
    history_bytes_ += event.bytes();
    // All of them may take as much as the mails: then this one's own past goes.
    while (history_bytes_ > limits_.bytes && !history.empty()) forget_oldest();
}

mail_history& mailbox::history_of(const held_mail& mail) {
    if (!histories_) histories_ = std::make_unique<histories>();
    return (*histories_)[mail.sequence];
}

mail_history mailbox::take_history(const held_mail& mail) {
    if (!histories_) return {};
    const auto found = histories_->find(mail.sequence);
    if (found == histories_->end()) return {};
    mail_history history = std::move(found->second);
    for (const mail_event& event : history) history_bytes_ -= event.bytes();
    histories_->erase(found);
    return history;
}

}  // namespace supe
