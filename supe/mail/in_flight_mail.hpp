// The mail in flight to one consumer: in order of delivery, and found by id without a search. Pure.
#pragma once

#include "supe/mail/mail_store.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace supe {

/// Every step takes constant time, however much is in flight and in whatever order it is
/// acknowledged.
class in_flight_mail {
public:
    /// Behind all others.
    held_mail& add(mail_ptr mail);
    /// Null when no mail has that id. Valid while the mail is in flight.
    held_mail* find(std::string_view id);
    /// Null when nothing is in flight.
    mail_ptr take_oldest();
    /// Null when no mail has that id.
    mail_ptr take(std::string_view id);
    /// The mail that was delivered last; null when nothing is in flight.
    mail_ptr take_newest();

    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    /// In order of delivery.
    template <class F>
    void for_each(F f) const {
        for (std::uint32_t s = oldest_; s != none; s = slots_[s].newer) f(*slots_[s].mail);
    }

private:
    static constexpr std::uint32_t none = ~0u;
    struct slot {
        mail_ptr mail;
        std::uint32_t older, newer;
        std::uint32_t next_in_bucket;  // or the next free slot
        std::uint32_t bucket_hash;
    };
    void grow();
    std::uint32_t slot_of(std::string_view id);
    mail_ptr take_slot(std::uint32_t s);
    std::uint32_t& bucket_of(std::uint32_t hash) { return buckets_[hash & (buckets_.size() - 1)]; }

    std::vector<slot> slots_;
    std::vector<std::uint32_t> buckets_;  // a power of two, as many as slots
    std::uint32_t free_ = none;
    std::uint32_t oldest_ = none, newest_ = none;
    std::size_t size_ = 0;
};

}  // namespace supe
