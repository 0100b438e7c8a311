// Bytes for a descriptor that others may share, a reader may neglect, and a disk may refuse: nobody
// ever waits for it.
#pragma once

#include "supe/async/clock.hpp"
#include "supe/async/unique_fd.hpp"

#include <functional>
#include <optional>
#include <string>
#include "supe/async/stream_descriptor.hpp"

namespace supe {

/// Gathers text and writes as much of it as the other side takes. A pipe or terminal is opened once
/// more, so that only our own description of it becomes non-blocking: the ones that we share it
/// with notice nothing.
class patient_writer {
public:
    /// `fd` stays its owner's and open for the life of this object.
    patient_writer(clock& c, int fd);

    /// Whole lines, to be written by the next flush().
    std::string& text() { return text_; }
    std::size_t waiting() const { return text_.size() - begin_; }

    /// Writes what can be written without waiting. What the other side refuses (a full disk) is
    /// dropped and counted, and the next flush tries again; when nobody is left to read (EPIPE),
    /// everything from then on is dropped.
    void flush();
    /// Resumes when another flush() is worth a try.
    awaitable<> writable();

    bool is_closed() const { return closed_; }
    /// Something was dropped because of an error, and not told yet.
    std::size_t lost_bytes() const { return lost_; }
    std::string lost_why() const;
    /// Tries to write `mark`, a whole line that tells of the loss; false when that is refused as
    /// well.
    bool tell_loss(const std::string& mark);

private:
    enum class kind { own, socket, file, shared };
    ssize_t write_some(const char* bytes, std::size_t n);
    void drop(int error);

    clock& clock_;
    int fd_;
    kind kind_ = kind::shared;
    std::optional<stream_descriptor> own_;
    std::string text_;
    std::size_t begin_ = 0;  // what lies before it is written
    bool closed_ = false;
    bool mid_line_ = false;  // the last byte written ended no line
    std::size_t lost_ = 0;
    int lost_error_ = 0;
};

}  // namespace supe
