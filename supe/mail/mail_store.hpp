// Memory of held mail: chunks from the system, given back when the last mail in them has gone.
// Pure.
#pragma once

#include "supe/mail/envelope.hpp"

#include <cstddef>
#include <memory>

namespace supe {

/// A mail in memory: this header, its strings directly behind it. Made by mail_store, owned by a
/// mail_ptr.
struct held_mail {
    held_mail* next;  ///< for whoever keeps it in a list
    std::uint64_t sequence;
    std::uint32_t life;      ///< of the origin
    std::int32_t child;      ///< its number, where a child sent it
    std::uint32_t msg_size;  // bytes
    std::uint16_t attempt;
    std::uint16_t meant_for;  ///< the consumer that alone may have it, plus 1; 0: anyone
    std::uint16_t charges;
    bool suspect : 1, answer : 1, receipt : 1, patient : 1;
    bool journaled : 1;  ///< it is, or is to be, in the journal
    bool parked : 1;     ///< in flight to a supervisor that waits for room
    mail_source source : 2;

    envelope view() const;
    std::string_view id() const;
    std::size_t bytes() const;  ///< as of its envelope
};

struct release_mail {
    void operator()(held_mail* mail) const noexcept;
};
/// Owns one held mail. May outlive its store.
using mail_ptr = std::unique_ptr<held_mail, release_mail>;

/// The mail of one mailbox, in chunks of 256 KiB by mmap: mail comes and goes in order, so chunks
/// empty in order too, and one mailbox that stands still keeps no chunk of another alive. A mail
/// over 32 KiB has a mapping of its own. A few empty chunks are kept for all stores of this thread.
class mail_store {
public:
    static constexpr std::size_t chunk_size = 256u << 10;  // bytes
    static constexpr std::size_t own_mapping = 32u << 10;  // bytes; from here on
    static constexpr std::size_t spare_chunks = 8;

    mail_store() = default;
    ~mail_store();
    mail_store(const mail_store&) = delete;
    mail_store& operator=(const mail_store&) = delete;

    /// Copies a mail in. Throws std::bad_alloc when the system gives no memory.
    mail_ptr keep(const envelope& mail);

    /// Bytes that this thread has from the system for mail, the spare chunks among them.
    static std::size_t mapped();

private:
    friend struct release_mail;
    struct chunk;
    struct spares;
    static spares& pool();
    static chunk* map(std::size_t size, mail_store* owner);
    static void unmap(chunk* c);
    char* allocate(std::size_t size);

    chunk* current_ = nullptr;  // where the next mail goes
};

}  // namespace supe
