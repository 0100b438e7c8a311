#include "supe/channel/channel.hpp"

#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cerrno>
#include <limits>
#include <sys/socket.h>

namespace supe {
namespace {

using wait_type = asio::posix::stream_descriptor::wait_type;

/// One read buffer for all channels of this thread: a turn reads and hands out without waiting in between.
std::array<char, 256 * 1024>& shared_buffer() {
    static thread_local std::array<char, 256 * 1024> buffer;
    return buffer;
}

}  // namespace

channel::channel(asio::any_io_executor executor, unique_fd fd, side s, std::size_t frame_limit)
    : read_limit_(s == side::supervisor ? frame_limit + 2 * backlog_limit : std::numeric_limits<std::size_t>::max()),
      descriptor_(std::move(executor), fd.release()), splitter_(frame_limit) {}

void channel::flush() {
    while (open_ && written_ < out_.size()) {
        const ssize_t n = ::send(descriptor_.native_handle(), out_.data() + written_, out_.size() - written_,
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (n < 0) {  // the reader is gone; what it may still have said is read all the same
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
    // The turn that waits for input alone has to wait for room as well from now on.
    if (backlog() > 0 && waits_without_write_) descriptor_.cancel();
}

awaitable<> channel::wait_for_work() {
    error_code ignored;
    if (backlog() == 0) {
        waits_without_write_ = true;
        co_await descriptor_.async_wait(wait_type::wait_read, asio::redirect_error(asio::use_awaitable, ignored));
    } else if (backlog() > read_limit_) {
        co_await descriptor_.async_wait(wait_type::wait_write, asio::redirect_error(asio::use_awaitable, ignored));
    } else {
        auto either = asio::experimental::make_parallel_group(descriptor_.async_wait(wait_type::wait_read, asio::deferred),
                                                              descriptor_.async_wait(wait_type::wait_write, asio::deferred));
        co_await either.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    }
    auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) throw system_error(asio::error::operation_aborted);
    waits_without_write_ = false;
}

awaitable<bool> channel::turn(const frame_sink& on_frame) {
    flush();
    co_await wait_for_work();
    flush();
    if (!open_) co_return false;
    if (backlog() > read_limit_) co_return true;
    co_return read_once(on_frame) != outcome::closed;
}

channel::outcome channel::read_once(const frame_sink& on_frame) {
    auto& buffer = shared_buffer();
    const ssize_t n = ::recv(descriptor_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n > 0) {
        splitter_.feed(std::string_view(buffer.data(), static_cast<std::size_t>(n)), on_frame);
        return outcome::data;
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return outcome::nothing;
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
    error_code ignored;
    descriptor_.close(ignored);
}

}  // namespace supe
