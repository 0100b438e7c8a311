#include "supe/channel/channel.hpp"

#include <sys/socket.h>
#include <array>
#include <cerrno>

namespace supe {
namespace {

/// One read buffer for all channels of this thread: a turn does not wait between its read and its
/// last frame.
std::array<char, 256 * 1024>& shared_buffer() {
    static thread_local std::array<char, 256 * 1024> buffer;
    return buffer;
}

}  // namespace

channel::channel(clock& c, unique_fd fd, side s, std::size_t frame_limit)
    : frame_limit_(frame_limit), side_(s), descriptor_(c.executor(), std::move(fd)), wake_(c),
      splitter_(s == side::component ? frame_limit + delivery_overhead : frame_limit) {}

/// A delivery and a notice of full size stay below this limit: only answers that the component
/// leaves unread exceed it.
bool channel::may_read() const {
    return side_ == side::component || backlog() <= frame_limit_ + 2 * backlog_limit;
}

void channel::flush() {
    while (open_ && written_ < out_.size()) {
        const ssize_t n = ::send(descriptor_.get(), out_.data() + written_, out_.size() - written_,
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (n < 0) {  // the reader is gone; what it sent before is still read
            out_.clear();
            written_ = 0;
            return;
        }
        written_ += static_cast<std::size_t>(n);
    }
    if (written_ == out_.size()) {
        out_.clear();
        written_ = 0;
        if (out_.capacity() > backlog_limit) out_.shrink_to_fit();
    } else if (written_ > out_.size() / 2) {
        out_.erase(0, written_);
        written_ = 0;
    }
    if (backlog() > 0 && open_) descriptor_.when_writable(wake_);
}

awaitable<bool> channel::turn(const frame_sink& on_frame) {
    const bool open = open_;
    if (open) co_await ready();
    co_return open&& take(on_frame);
}

void channel::ask_for_work() {
    flush();
    if (may_read()) descriptor_.when_readable(wake_);
}

bool channel::take(const frame_sink& on_frame) {
    flush();
    if (!open_) return false;
    return !may_read() || read_once(on_frame) != outcome::closed;
}

channel::outcome channel::read_once(const frame_sink& on_frame) {
    auto& buffer = shared_buffer();
    const ssize_t n = ::recv(descriptor_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n > 0) {
        splitter_.feed(std::string_view(buffer.data(), static_cast<std::size_t>(n)), on_frame);
        return outcome::data;
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return outcome::nothing;
    return outcome::closed;
}

bool channel::drain(const frame_sink& on_frame) {
    while (open_) {
        switch (read_once(on_frame)) {
            case outcome::data: continue;
            case outcome::nothing: return true;
            case outcome::closed: return false;
        }
    }
    return false;
}

void channel::close() {
    open_ = false;
    descriptor_.close();
    wake_.notify();
}

}  // namespace supe
