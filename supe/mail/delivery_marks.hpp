// How far each mailbox was handed out, kept so that it survives the process for the price of a
// write to memory.
#pragma once

#include "supe/async/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace supe {

/// A mark for each mailbox: no mail behind it was handed over. In a mapped file: what is written
/// there is the kernel's at once, and is there after a SIGKILL. A power failure may lose it, so
/// marks of another boot count for nothing, as does a file that could not be written: then every
/// mail may have been handed over. Never wrong the other way.
class delivery_marks {
public:
    explicit delivery_marks(std::filesystem::path file) : file_(std::move(file)) {}
    ~delivery_marks();
    delivery_marks(const delivery_marks&) = delete;
    delivery_marks& operator=(const delivery_marks&) = delete;

    /// What an earlier life left. Once, before all else.
    void open();
    /// From now on what has no mark was not handed over: before the first mail is written, and when
    /// all that an earlier life left has its mark again.
    void begin();
    /// Nothing is left of an earlier life: the file begins anew.
    void begin_anew();
    /// This mail may have been handed over by an earlier life.
    bool covers(std::string_view box, std::uint64_t sequence) const;
    /// From now on it may.
    void raise(const std::string& box, std::uint64_t sequence);

private:
    struct header;
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
    std::size_t size_ = 0;                                    // bytes mapped
    std::map<std::string, std::size_t, std::less<>> places_;  // in entries()
    bool trusted_ = false;                                    // of an earlier life: it tells all
    bool begun_ = false;                                      // the header is that of this boot
    bool broken_ = false;                                     // … nothing is kept any more
};

}  // namespace supe
