// Writes to a descriptor without ever blocking: other processes may share it, its reader may be
// slow, its disk may be full.
#pragma once

#include "supe/async/clock.hpp"
#include "supe/async/unique_fd.hpp"

#include <functional>
#include <optional>
#include <string>
#include "supe/async/stream_descriptor.hpp"

namespace supe {

/// Gathers text and writes as much of it as the descriptor takes. A pipe or terminal is opened a
/// second time, so that only our own file description becomes non-blocking, and not the one that
/// other processes share.
class patient_writer {
public:
    /// The caller keeps `fd`, and keeps it open for the life of this object.
    patient_writer(clock& c, int fd);

    /// Append whole lines here; the next flush() writes them.
    std::string& text() { return text_; }
    std::size_t waiting() const { return text_.size() - begin_; }

    /// Writes what can be written without waiting. After an error (a full disk) the text is dropped
    /// and counted, and the next flush tries again. Once there is no reader (EPIPE), all further
    /// text is dropped.
    void flush();
    /// Resumes when a flush() may write something.
    awaitable<> writable();

    bool is_closed() const { return closed_; }
    /// Bytes that were dropped because of an error, and not reported yet.
    std::size_t lost_bytes() const { return lost_; }
    std::string lost_why() const;
    /// Tries to write `mark`, a whole line that reports the loss. False when that fails too.
    bool report_loss(const std::string& mark);

private:
    enum class kind { own, socket, file, shared };
    ssize_t write_some(const char* bytes, std::size_t n);
    void drop(int error);

    clock& clock_;
    int fd_;
    kind kind_ = kind::shared;
    std::optional<stream_descriptor> own_;
    std::string text_;
    std::size_t begin_ = 0;  // the text before it is written
    bool closed_ = false;
    bool mid_line_ = false;  // the last byte written was not a newline
    std::size_t lost_ = 0;
    int lost_error_ = 0;
};

}  // namespace supe
