// Mail that will not be delivered, kept so that an operator can look at it or send it again.
// Bounded: the oldest go first. Pure.
#pragma once

#include "supe/mail/mailbox.hpp"

#include <deque>
#include <string>

namespace supe {

/// A copy of a mail, with the reason why it is here.
struct dead_letter {
    std::string id;         ///< the id of the mail, which names the letter too
    std::string recipient;  ///< a child's name under this supervisor
    std::string to;  ///< the whole address, when `recipient` is a supervisor on its way; else empty
    std::string from, msg, extras;
    bool answer = false;
    unsigned attempts = 0;
    std::string reason;  ///< for people
    std::chrono::system_clock::time_point at{};
    mail_history history;  ///< what happened to it before, oldest first

    std::size_t bytes() const;
    /// The mail as it was sent, with its attempts, to be sent again. Valid as long as this letter.
    envelope as_mail() const;
};

/// Keeps the letters beyond the life of the supervisor.
class dead_letter_store {
public:
    virtual ~dead_letter_store() = default;
    virtual void keep(const dead_letter& letter) = 0;
    virtual void discard(const std::string& id) = 0;
};

/// `supe dead list|show|retry|drop`.
class dead_letters {
public:
    static constexpr std::size_t count_limit = 1000;
    static constexpr std::size_t byte_limit = 16u << 20;

    /// From now on `store` keeps the letters too. It outlives this object.
    void keep_in(dead_letter_store* store) { store_ = store; }
    /// A letter that an earlier life of this supervisor kept.
    void restore(dead_letter letter);

    /// Whether so many mails more have room beside the letters that are here.
    bool have_room_for(std::size_t mails, std::size_t bytes) const {
        return letters_.size() + mails <= count_limit && bytes_ + bytes <= byte_limit;
    }
    void add(const envelope& mail, const std::string& recipient, const std::string& reason,
             const mail_history& history, std::chrono::system_clock::time_point now);
    /// Oldest first.
    const std::deque<dead_letter>& all() const { return letters_; }
    /// Null when no letter has that id. Valid until the next change.
    const dead_letter* find(std::string_view id) const;
    /// False when no letter has that id.
    bool drop(std::string_view id);
    /// Returns how many there were.
    std::size_t drop_all();

private:
    void bound();
    void take_out(std::deque<dead_letter>::iterator letter);

    std::deque<dead_letter> letters_;
    std::size_t bytes_ = 0;
    dead_letter_store* store_ = nullptr;
};

}  // namespace supe
