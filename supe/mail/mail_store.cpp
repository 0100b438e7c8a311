#include "supe/mail/mail_store.hpp"

#include <sys/mman.h>
#include <algorithm>
#include <cstddef>
#include <iterator>
#include <limits>
#include <new>
#include <vector>

namespace supe {
namespace {

constexpr std::size_t page = 4096;

std::size_t rounded_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

/// A length below 128 takes one byte (LEB128): names and ids nearly always are so short.
char* put_length(char* at, std::size_t n) {
    for (; n >= 128; n >>= 7) *at++ = static_cast<char>(n | 128);
    *at++ = static_cast<char>(n);
    return at;
}

std::size_t get_length(const char*& at) {
    std::size_t n = 0;
    for (unsigned shift = 0;; shift += 7) {
        const auto byte = static_cast<unsigned char>(*at++);
        n |= static_cast<std::size_t>(byte & 127) << shift;
        if (byte < 128) return n;
    }
}

std::size_t length_size(std::size_t n) {
    std::size_t size = 1;
    while (n >>= 7) ++size;
    return size;
}

/// With std::ranges::copy, g++ 12 copies byte by byte.
char* put_bytes(char* at, std::string_view text) { return std::copy(text.begin(), text.end(), at); }

/// The strings begin where the struct would have padding.
constexpr std::size_t header_size = offsetof(held_mail, charges) + sizeof(held_mail::charges) + 1;
static_assert(header_size < sizeof(held_mail));

const char* text_of(const held_mail& mail) {
    return reinterpret_cast<const char*>(&mail) + header_size;
}

}  // namespace

// --- one mail ---

envelope held_mail::view() const {
    envelope mail;
    const char* at = text_of(*this);
    std::string_view* const parts[] = {&mail.id, &mail.from, &mail.to, &mail.extras,
                                       &mail.origin.id};
    std::size_t lengths[std::size(parts)];
    for (std::size_t& n : lengths) n = get_length(at);
    for (std::size_t i = 0; i < std::size(parts); ++i) {
        *parts[i] = {at, lengths[i]};
        at += lengths[i];
    }
    mail.msg = {at, msg_size};
    mail.origin.source = source;
    mail.origin.child = child;
    mail.origin.life = life;
    mail.origin.receipt = receipt;
    mail.origin.patient = patient;
    mail.answer = answer;
    mail.attempt = attempt;
    mail.charges = charges;
    mail.suspect = suspect;
    mail.sequence = sequence;
    return mail;
}

std::string_view held_mail::id() const {
    const char* at = text_of(*this);
    const std::size_t size = get_length(at);
    for (int others = 0; others < 4; ++others) get_length(at);
    return {at, size};
}

std::size_t held_mail::bytes() const {
    const char* at = text_of(*this);
    std::size_t n = msg_size;
    for (int i = 0; i < 5; ++i) n += get_length(at);  // id, from, to, extras, the sender's id
    return n;
}

// --- chunks ---

/// The head of each mapping. A mapping begins at a multiple of chunk_size, so the address of a mail
/// gives its chunk.
struct mail_store::chunk {
    mail_store* owner;  // the store that still adds to it, or null
    std::size_t size;   // bytes of the mapping
    std::size_t used;   // bytes, this header included
    std::size_t live;   // mails
};

struct mail_store::spares {
    std::vector<chunk*> chunks;
    std::size_t mapped = 0;  // bytes, used and spare
    ~spares() {
        for (chunk* c : chunks) ::munmap(c, c->size);
    }
};

mail_store::spares& mail_store::pool() {
    static thread_local spares all;
    return all;
}

std::size_t mail_store::mapped() { return pool().mapped; }

mail_store::chunk* mail_store::map(std::size_t size, mail_store* owner) {
    spares& spare = pool();
    chunk* c = nullptr;
    if (size == chunk_size && !spare.chunks.empty()) {
        c = spare.chunks.back();
        spare.chunks.pop_back();
    } else {
        // Reserves one chunk more than needed, and gives back what lies before and behind the
        // aligned part.
        const std::size_t reserved = size + chunk_size;
        void* const got = ::mmap(nullptr, reserved, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (got == MAP_FAILED) throw std::bad_alloc();
        char* const begin = static_cast<char*>(got);
        const std::size_t before = rounded_up(reinterpret_cast<std::uintptr_t>(begin), chunk_size) -
                                   reinterpret_cast<std::uintptr_t>(begin);
        if (before > 0) ::munmap(begin, before);
        if (const std::size_t behind = reserved - before - size; behind > 0)
            ::munmap(begin + before + size, behind);
        c = reinterpret_cast<chunk*>(begin + before);
        spare.mapped += size;
    }
    return new (c) chunk{owner, size, rounded_up(sizeof(chunk), alignof(held_mail)), 0};
}

void mail_store::unmap(chunk* c) {
    spares& spare = pool();
    if (c->size == chunk_size && spare.chunks.size() < spare_chunks)
        return spare.chunks.push_back(c);
    spare.mapped -= c->size;
    ::munmap(c, c->size);
}

mail_store::~mail_store() {
    if (current_) current_->owner = nullptr;  // the last mail in it releases it
}

char* mail_store::allocate(std::size_t size) {
    const std::size_t header = rounded_up(sizeof(chunk), alignof(held_mail));
    chunk* c = current_;
    if (size > own_mapping) {
        c = map(rounded_up(header + size, page), nullptr);
    } else if (!c || c->size - c->used < size) {
        c = map(chunk_size, this);
        if (current_) current_->owner = nullptr;
        current_ = c;
    }
    char* const block = reinterpret_cast<char*>(c) + c->used;
    c->used += size;
    ++c->live;
    return block;
}

mail_ptr mail_store::keep(const envelope& mail) {
    const std::string_view parts[] = {mail.id, mail.from, mail.to, mail.extras, mail.origin.id};
    std::size_t size = header_size + mail.msg.size();
    for (const std::string_view p : parts) size += length_size(p.size()) + p.size();
    auto* const held =
        new (allocate(rounded_up(std::max(size, sizeof(held_mail)), alignof(held_mail)))) held_mail;
    constexpr unsigned most = std::numeric_limits<std::uint16_t>::max();
    held->next = nullptr;
    held->sequence = mail.sequence;
    held->life = mail.origin.life;
    held->source = mail.origin.source;
    held->child = mail.origin.child;
    held->msg_size = static_cast<std::uint32_t>(mail.msg.size());
    held->attempt = static_cast<std::uint16_t>(std::min(mail.attempt, most));
    held->meant_for = 0;
    held->charges = static_cast<std::uint16_t>(std::min(mail.charges, most));
    held->suspect = mail.suspect;
    held->answer = mail.answer;
    held->receipt = mail.origin.receipt;
    held->patient = mail.origin.patient;
    held->journaled = false;
    held->parked = false;
    char* at = reinterpret_cast<char*>(held) + header_size;
    for (const std::string_view p : parts) at = put_length(at, p.size());
    for (const std::string_view p : parts) at = put_bytes(at, p);
    put_bytes(at, mail.msg);
    return mail_ptr(held);
}

void release_mail::operator()(held_mail* mail) const noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(mail);
    auto* const c =
        reinterpret_cast<mail_store::chunk*>(address - address % mail_store::chunk_size);
    if (--c->live > 0) return;
    if (c->owner) c->owner->current_ = nullptr;
    mail_store::unmap(c);
}

}  // namespace supe
