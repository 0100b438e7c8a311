// How far each mailbox was delivered. A mark survives the process for the price of a write to
// memory.
#pragma once

#include "supe/async/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace supe {

/// The mark of a mailbox is the highest sequence number that was delivered from it. The marks lie
/// in a mapped file: what is written there survives a SIGKILL. A power failure may lose it. So
/// marks of another boot are ignored, and so is a file that could not be written: then every mail
/// counts as delivered before. A mail that was delivered never counts as new.
class delivery_marks {
public:
    explicit delivery_marks(std::filesystem::path file) : file_(std::move(file)) {}
    ~delivery_marks();
    delivery_marks(const delivery_marks&) = delete;
    delivery_marks& operator=(const delivery_marks&) = delete;

    /// Reads what an earlier life left. Call it once, before anything else. Returns why it must not
    /// be touched (a newer version wrote it, or it is a symbolic link), or empty.
    std::string open();
    /// From now on a mail beyond its mark was not delivered. Call it before the first mail is
    /// written, and when all mail of an earlier life has its mark again.
    void begin();
    /// No mail is left of an earlier life: the file begins empty.
    void begin_anew();
    /// True when an earlier life may have delivered this mail.
    bool covers(std::string_view box, std::uint64_t sequence) const;
    /// This mail is about to be delivered.
    void raise(const std::string& box, std::uint64_t sequence);

private:
    struct header;
    void read(const header& h);
    struct entry;
    bool map(std::size_t size);
    void make_header();
    void unmap();
    header* head() const;
    entry* entries() const;
    bool add(const std::string& box);
    void give_up();

    std::filesystem::path file_;
    unique_fd fd_;
    void* memory_ = nullptr;
    std::size_t size_ = 0;                                     // bytes mapped
    std::map<std::string, std::size_t, std::less<>> indexes_;  // index in entries(), by mailbox
    bool trusted_ = false;  // the file of an earlier life is complete
    bool begun_ = false;    // the header is of this boot
    bool broken_ = false;   // the file cannot be written: no mark is kept any more
};

}  // namespace supe
