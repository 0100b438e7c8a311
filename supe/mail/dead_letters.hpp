// Mail that nobody will get, kept for a look: bounded, the oldest go first. Pure.
#pragma once

#include "supe/mail/mailbox.hpp"

#include <deque>
#include <string>

namespace supe {

/// A mail with a copy of its strings, and why it is here.
struct dead_letter {
    std::string id;         ///< of the mail: its name here too
    std::string recipient;  ///< a child's name under this supervisor
    std::string to;         ///< where it was to go through that child, a supervisor; else empty
    std::string from, msg, extras;
    bool answer = false;
    unsigned attempts = 0;
    std::string reason;  ///< for people
    std::chrono::system_clock::time_point at{};
    mail_history history;  ///< what happened to it before, the oldest first

    std::size_t bytes() const;
    /// As it was sent, with its attempts: to be posted again. Valid as long as this letter.
    envelope as_mail() const;
};

/// Who keeps the letters beyond the life of the supervisor.
class dead_letter_shelf {
public:
    virtual ~dead_letter_shelf() = default;
    virtual void keep(const dead_letter& letter) = 0;
    virtual void discard(const std::string& id) = 0;
};

/// `supe dead list|show|retry|drop`.
class dead_letters {
public:
    static constexpr std::size_t count_limit = 1000;
    static constexpr std::size_t byte_limit = 16u << 20;

    /// Letters from now on are kept there too.
    void keep_on(dead_letter_shelf* shelf) { shelf_ = shelf; }
    /// One that was kept by an earlier life of this supervisor.
    void restore(dead_letter letter);

    void add(const envelope& mail, const std::string& recipient, const std::string& reason,
             const mail_history& history, std::chrono::system_clock::time_point now);
    /// The oldest first.
    const std::deque<dead_letter>& all() const { return letters_; }
    /// Null where there is none by that id. Valid until the next change.
    const dead_letter* find(std::string_view id) const;
    /// False where there is none by that id.
    bool drop(std::string_view id);
    /// Drops all. How many there were.
    std::size_t drop_all();

private:
    void bound();
    void take_out(std::deque<dead_letter>::iterator letter);

    std::deque<dead_letter> letters_;
    std::size_t bytes_ = 0;
    dead_letter_shelf* shelf_ = nullptr;
};

}  // namespace supe
