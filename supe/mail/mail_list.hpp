// A list of mail, linked through the mails themselves: a million of them takes no further memory.
// Pure.
#pragma once

#include "supe/async/assertion.hpp"
#include "supe/mail/mail_store.hpp"

#include <utility>

namespace supe {

/// Owns its mail. Precondition of insert(): the list is in order of sequence.
class mail_list {
public:
    mail_list() = default;
    ~mail_list() { clear(); }
    mail_list(const mail_list&) = delete;
    mail_list& operator=(const mail_list&) = delete;
    mail_list(mail_list&& other) noexcept
        : first_(std::exchange(other.first_, nullptr)), last_(std::exchange(other.last_, nullptr)),
          inserted_(std::exchange(other.inserted_, nullptr)), size_(std::exchange(other.size_, 0)) {
    }

    bool empty() const { return !first_; }
    std::size_t size() const { return size_; }
    const held_mail* front() const { return first_; }  ///< null when it is empty
    const held_mail* back() const { return last_; }    ///< null when it is empty

    /// Precondition, as of insert(): not null.
    void push_back(mail_ptr mail) {
        SUPE_ASSERT(mail);
        held_mail* const m = mail.release();
        m->next = nullptr;
        (last_ ? last_->next : first_) = m;
        last_ = m;
        ++size_;
    }
    /// Precondition: not empty.
    mail_ptr pop_front() {
        SUPE_ASSERT(first_ && size_ > 0);
        mail_ptr mail(first_);
        ++pops_;
        if (inserted_ == first_) inserted_ = nullptr;
        first_ = first_->next;
        if (!first_) last_ = nullptr;
        --size_;
        SUPE_ASSERT((size_ == 0) == !first_);
        return mail;
    }
    /// Inserts by sequence, and returns how many mails it passed in the search. There are few near
    /// the front, and behind the last inserted one: mail that comes in order is cheap anywhere.
    std::size_t insert(mail_ptr mail) {
        SUPE_ASSERT(mail);
        if (!last_ || last_->sequence < mail->sequence) return push_back(std::move(mail)), 0;
        const bool is_behind = inserted_ && inserted_->sequence < mail->sequence;
        held_mail** position = is_behind ? &inserted_->next : &first_;
        std::size_t passed = 0;
        for (; (*position)->sequence < mail->sequence; ++passed) position = &(*position)->next;
        inserted_ = mail.release();
        inserted_->next = *position;
        *position = inserted_;
        ++size_;
        return passed;
    }
    void clear() {
        while (!empty()) pop_front();
    }
    /// Where a reader is that comes back later, whatever came and left meanwhile.
    struct place {
        std::uint64_t sequence = 0;
        const held_mail* mail = nullptr;  // valid as long as nothing was popped
        std::uint64_t pops = 0;
    };
    /// The first mail behind the place, which moves there; null where there is none. Takes no
    /// search where nothing has left since. Precondition: the list is in order of sequence.
    const held_mail* next(place& at) const {
        const held_mail* mail = at.mail && at.pops == pops_ ? at.mail->next : first_;
        while (mail && mail->sequence <= at.sequence) mail = mail->next;
        if (mail) at = {mail->sequence, mail, pops_};
        return mail;
    }
    template <class F>
    void for_each(F f) const {
        for (const held_mail* m = first_; m; m = m->next) f(*m);
    }

private:
    held_mail* first_ = nullptr;
    held_mail* last_ = nullptr;
    held_mail* inserted_ = nullptr;  // the last one before others; null when it has left
    std::size_t size_ = 0;
    std::uint64_t pops_ = 0;
};

}  // namespace supe
