// The memory of held mail: chunks from the system, which are given back when the last mail in them
// is gone. Pure.
#pragma once

#include "supe/mail/envelope.hpp"

#include <cstddef>
#include <memory>

namespace supe {

/// A mail in memory: this header, with its strings directly behind it. mail_store makes it, a
/// mail_ptr owns it.
struct held_mail {
    held_mail* next;  ///< in a mail_list
    std::uint64_t sequence;
    std::uint32_t life;      ///< of the origin
    std::int32_t child;      ///< its number, where a child sent it
    std::uint32_t msg_size;  // bytes
    std::uint16_t attempt;
    std::uint16_t meant_for;  ///< the only consumer that may get it, plus 1; 0: anyone
    std::uint16_t charges;
    bool suspect : 1, answer : 1, receipt : 1, patient : 1;
    bool journaled : 1;  ///< the journal has it, or will have it
    bool parked : 1;     ///< in flight to a supervisor that has no capacity for it (MAIL-WITHHELD)
    mail_source source : 2;

    envelope view() const;
    std::string_view id() const;
    std::size_t bytes() const;  ///< as envelope::bytes()
};

struct release_mail {
    void operator()(held_mail* mail) const noexcept;
};
/// Owns one held mail. May outlive its store.
using mail_ptr = std::unique_ptr<held_mail, release_mail>;

/// The mail of one mailbox, in chunks of 256 KiB by mmap. Mail comes and goes in order, so chunks
/// empty in order too. A chunk holds mail of one mailbox only, so an idle mailbox keeps no chunk of
/// another one alive. A mail over 32 KiB has a mapping of its own. All stores of a thread share a
/// few spare chunks.
class mail_store {
public:
    static constexpr std::size_t chunk_size = 256u << 10;  // bytes
    static constexpr std::size_t own_mapping = 32u << 10;  // bytes; larger: a mapping
    static constexpr std::size_t spare_chunks = 8;

    mail_store() = default;
    ~mail_store();
    mail_store(const mail_store&) = delete;
    mail_store& operator=(const mail_store&) = delete;

    /// Copies a mail. Throws std::bad_alloc when the system has no memory.
    mail_ptr keep(const envelope& mail);

    /// Bytes that this thread has from the system for mail, including the spare chunks.
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
