// Mail that will not be delivered, kept so that an operator can look at it or send it again.
// Bounded: the oldest go first. Pure.
#pragma once

#include "supe/mail/mailbox.hpp"

#include <deque>
#include <memory>
#include <ranges>
#include <string>

namespace supe {

/// A copy of a mail, with the reason why it is here.
struct dead_letter : stored_mail {
    /// Of the letters with this `id`, from 1: a mailbox that was taken back twice gives two.
    unsigned copy = 1;
    std::string recipient;  ///< a child's name under this supervisor
    std::string to;  ///< the whole address, when `recipient` is a supervisor on its way; else empty
    std::string reason;  ///< for people
    std::chrono::system_clock::time_point at{};
    mail_history history;    ///< what happened to it before, oldest first
    bool is_stored = false;  ///< the store has it

    /// No other letter of this supervisor has it: the id, or `ID~2` for the second copy.
    std::string name() const;
    std::size_t bytes() const;
    /// The mail as it was sent, with its attempts, to be sent again. Valid as long as this letter.
    envelope view() const;
};

/// Keeps the letters beyond the life of the supervisor.
class dead_letter_store {
public:
    virtual ~dead_letter_store() = default;
    /// A letter may have 16 MiB: the store shares it, and does with it later what takes long.
    virtual void keep(std::shared_ptr<const dead_letter> letter) = 0;
    virtual void discard(const std::string& name) = 0;
};

/// `supe dead list|show|retry|drop`.
class dead_letters {
public:
    static constexpr std::size_t count_limit = 1000;
    static constexpr std::size_t byte_limit = 16u << 20;

    /// From now on `store` keeps the letters too. It outlives this object.
    void keep_in(dead_letter_store* store) { store_ = store; }
    /// A letter that an earlier life of this supervisor kept. It has its place by its time: it may
    /// come late.
    void restore(dead_letter read);
    /// The store cannot be read yet. What comes before on_earlier_letters() is kept then: nobody
    /// knows before which names the store has.
    void await_earlier_letters() { is_unread_ = true; }
    void on_earlier_letters();

    /// Whether so many mails more have room beside the letters that are here.
    bool have_room_for(std::size_t mails, std::size_t bytes) const {
        return letters_.size() + mails <= count_limit && bytes_ + bytes <= byte_limit;
    }
    void add(const envelope& mail, const std::string& recipient, const std::string& reason,
             const mail_history& history, std::chrono::system_clock::time_point now);
    /// Oldest first. Valid until the next change.
    auto all() const {
        return std::views::transform(
            letters_, [](const auto& letter) -> const dead_letter& { return *letter; });
    }
    /// Null when no letter has that name. Valid until the next change.
    const dead_letter* find(std::string_view name) const { return share(name).get(); }
    /// The same. It stays as it is when the letter is dropped.
    std::shared_ptr<const dead_letter> share(std::string_view name) const;
    /// False when no letter has that name.
    bool drop(std::string_view name);
    /// Returns how many there were.
    std::size_t drop_all();

private:
    using letter_ptr = std::shared_ptr<dead_letter>;
    using place = std::deque<letter_ptr>::const_iterator;
    place place_of(std::string_view name) const;
    void number(dead_letter& letter) const;
    void keep(const letter_ptr& letter);
    void bound();
    void take_out(place at);

    std::deque<letter_ptr> letters_;
    std::size_t bytes_ = 0;
    dead_letter_store* store_ = nullptr;
    bool is_unread_ = false;  // the store may have letters that were not restored
};

}  // namespace supe
