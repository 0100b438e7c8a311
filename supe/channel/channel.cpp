#include "supe/channel/channel.hpp"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <cerrno>
#include <memory>
#include <utility>

namespace supe {
namespace {

using read_buffer = std::array<char, 256 * 1024>;

/// One for all channels of this thread: a turn does not wait between its read and its last frame.
/// On the heap: what is thread_local itself is cut from the stack of each thread, which is as small
/// as `ulimit -s` says.
read_buffer& shared_buffer() {
    static thread_local const auto buffer = std::make_unique_for_overwrite<read_buffer>();
    return *buffer;
}

}  // namespace

channel::channel(clock& c, unique_fd fd, side s, std::size_t frame_limit)
    : clock_(c), frame_limit_(frame_limit), side_(s), descriptor_(c.executor(), std::move(fd)),
      wake_(c), splitter_(s == side::component ? frame_limit + delivery_overhead : frame_limit) {}

/// A delivery and a notice of full size stay below this limit: only answers that the component
/// leaves unread exceed it.
bool channel::may_read() const {
    return side_ == side::component || arrived_ || backlog() <= frame_limit_ + 2 * backlog_limit;
}

void channel::flush() {
    if (arrived_) drop_output();
    while (open_ && written_ < out_.size()) {
        const ssize_t n = ::send(descriptor_.get(), out_.data() + written_, out_.size() - written_,
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (n < 0) {  // the reader is gone; what it sent before is still read
            left_unread_ = true;
            return drop_output();
        }
        written_ += static_cast<std::size_t>(n);
    }
    if (written_ == out_.size()) {
        taken_ += std::exchange(written_, 0);
        out_.clear();
        if (out_.capacity() > backlog_limit) out_.shrink_to_fit();
    } else if (written_ > out_.size() / 2) {
        out_.erase(0, written_);
        taken_ += std::exchange(written_, 0);
    }
    if (backlog() > 0 && open_) descriptor_.when_writable(wake_);
}

void channel::drop_output() {
    taken_ += out_.size();
    out_.clear();
    written_ = 0;
}

awaitable<bool> channel::turn(const frame_sink& on_frame) {
    const bool open = open_;
    if (open && has_more()) {
        const auto executor = co_await asio::this_coro::executor;
        co_await asio::post(executor, use_awaitable);
    } else if (open) {
        co_await ready();
    }
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
    if (!unread_.empty()) {
        pending_text now = std::exchange(unread_, {});  // a frame may close this channel
        now.take(pass_on(now.view(), on_frame));
        if (open_) unread_ = std::move(now);
        return outcome::data;
    }
    auto& buffer = shared_buffer();
    const std::size_t most = std::min(buffer.size(), arrived_.value_or(buffer.size()));
    if (most == 0) return outcome::closed;
    const ssize_t n = ::recv(descriptor_.get(), buffer.data(), most, MSG_DONTWAIT);
    if (n > 0) {
        std::string_view read(buffer.data(), static_cast<std::size_t>(n));
        if (arrived_) *arrived_ -= read.size();
        read.remove_prefix(pass_on(read, on_frame));
        if (!read.empty() && open_) unread_.keep(read);
        return outcome::data;
    }
    if (arrived_) return outcome::closed;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return outcome::nothing;
    if (n < 0) left_unread_ = true;  // ECONNRESET, as the kernel says then
    return outcome::closed;
}

/// What one turn may pass on. Returns its bytes.
std::size_t channel::pass_on(std::string_view text, const frame_sink& on_frame) {
    const time_point end = clock_.now() + time_per_turn;
    std::size_t passed = 0;
    for (std::size_t n = 0; n < frames_per_turn; ++n) {
        passed += splitter_.feed(text.substr(passed), on_frame, 1);
        if (passed == text.size() || clock_.now() >= end) break;
    }
    return passed;
}

void channel::end_after_arrived() {
    int bytes = 0;
    ::ioctl(descriptor_.get(), FIONREAD, &bytes);
    arrived_ = static_cast<std::size_t>(std::max(bytes, 0));
    drop_output();
}

void channel::close() {
    open_ = false;
    unread_.clear();
    descriptor_.close();
    wake_.notify();
}

}  // namespace supe
