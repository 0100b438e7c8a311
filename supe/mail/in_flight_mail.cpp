#include "supe/mail/in_flight_mail.hpp"

#include "supe/async/assertion.hpp"

#include <functional>

namespace supe {
namespace {

std::uint32_t hash_of(std::string_view id) {
    return static_cast<std::uint32_t>(std::hash<std::string_view>()(id));
}

}  // namespace

void in_flight_mail::grow() {
    const auto before = static_cast<std::uint32_t>(slots_.size());
    const std::uint32_t after = before ? before * 2 : 4;
    slots_.resize(after);
    for (std::uint32_t s = before; s < after; ++s)
        slots_[s].next_in_bucket = s + 1 < after ? s + 1 : free_;
    free_ = before;
    buckets_.assign(after, none);
    for (std::uint32_t s = 0; s < before; ++s) {  // all of them are in use
        std::uint32_t& bucket = bucket_of(slots_[s].bucket_hash);
        slots_[s].next_in_bucket = bucket;
        bucket = s;
    }
}

held_mail& in_flight_mail::add(mail_ptr mail) {
    SUPE_ASSERT(mail);
    if (free_ == none) grow();
    const std::uint32_t s = free_;
    slot& entry = slots_[s];
    free_ = entry.next_in_bucket;
    entry.bucket_hash = hash_of(mail->id());
    entry.mail = std::move(mail);
    std::uint32_t& bucket = bucket_of(entry.bucket_hash);
    entry.next_in_bucket = bucket;
    bucket = s;
    entry.older = newest_;
    entry.newer = none;
    (newest_ == none ? oldest_ : slots_[newest_].newer) = s;
    newest_ = s;
    ++size_;
    return *entry.mail;
}

mail_ptr in_flight_mail::take_slot(std::uint32_t s) {
    slot& entry = slots_[s];
    SUPE_ASSERT(size_ > 0 && entry.mail);
    std::uint32_t* link = &bucket_of(entry.bucket_hash);
    while (*link != s) {
        SUPE_ASSERT(*link != none);
        link = &slots_[*link].next_in_bucket;
    }
    *link = entry.next_in_bucket;
    (entry.older == none ? oldest_ : slots_[entry.older].newer) = entry.newer;
    (entry.newer == none ? newest_ : slots_[entry.newer].older) = entry.older;
    entry.next_in_bucket = free_;
    free_ = s;
    --size_;
    SUPE_ASSERT((size_ == 0) == (oldest_ == none) && (size_ == 0) == (newest_ == none));
    return std::move(entry.mail);
}

mail_ptr in_flight_mail::take_oldest() { return oldest_ == none ? nullptr : take_slot(oldest_); }
mail_ptr in_flight_mail::take_newest() { return newest_ == none ? nullptr : take_slot(newest_); }

std::uint32_t in_flight_mail::slot_of(std::string_view id) {
    if (empty()) return none;
    if (slots_[oldest_].mail->id() == id)
        return oldest_;  // nearly always, and cheaper than the hash
    const std::uint32_t hash = hash_of(id);
    std::uint32_t s = bucket_of(hash);
    while (s != none && (slots_[s].bucket_hash != hash || slots_[s].mail->id() != id))
        s = slots_[s].next_in_bucket;
    return s;
}

mail_ptr in_flight_mail::take(std::string_view id) {
    const std::uint32_t s = slot_of(id);
    return s == none ? nullptr : take_slot(s);
}

held_mail* in_flight_mail::find(std::string_view id) {
    const std::uint32_t s = slot_of(id);
    return s == none ? nullptr : slots_[s].mail.get();
}

}  // namespace supe
