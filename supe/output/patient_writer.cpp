#include "supe/output/patient_writer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <cerrno>
#include <cstring>

namespace supe {
namespace {

constexpr std::size_t atomic_write =
    4096;  // bytes that a pipe takes without blocking after POLLOUT
constexpr std::size_t compact_at = 64u << 10;
constexpr std::chrono::milliseconds retry_interval{20};

unique_fd own_description(int fd) {
    return unique_fd(::open(fmt::format("/proc/self/fd/{}", fd).c_str(),
                            O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

}  // namespace

patient_writer::patient_writer(clock& c, int fd) : clock_(c), fd_(fd) {
    struct stat what{};
    if (::fstat(fd, &what) != 0) return;
    if (S_ISSOCK(what.st_mode)) kind_ = kind::socket;
    if (S_ISREG(what.st_mode)) kind_ = kind::file;
    if (!S_ISFIFO(what.st_mode) && !::isatty(fd)) return;
    unique_fd own = own_description(fd);
    if (!own) return;  // perhaps it belongs to another user
    kind_ = kind::own;
    fd_ = own.get();
    own_.emplace(c.executor(), own.release());
}

ssize_t patient_writer::write_some(const char* bytes, std::size_t n) {
    if (kind_ == kind::socket) return ::send(fd_, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (kind_ != kind::shared) return ::write(fd_, bytes, n);
    pollfd p{fd_, POLLOUT, 0};
    if (::poll(&p, 1, 0) > 0) return ::write(fd_, bytes, std::min(n, atomic_write));
    errno = EAGAIN;
    return -1;
}

void patient_writer::flush() {
    while (waiting() > 0) {
        const ssize_t n =
            closed_ ? (errno = EPIPE, -1) : write_some(text_.data() + begin_, waiting());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) return drop(errno);
        begin_ += static_cast<std::size_t>(n);
        mid_line_ = text_[begin_ - 1] != '\n';
    }
    if (waiting() == 0 || begin_ > compact_at) text_.erase(0, std::exchange(begin_, 0));
}

void patient_writer::drop(int error) {
    if (error == EPIPE || error == EBADF || (error == EIO && kind_ == kind::own))
        closed_ = true;  // EIO: the terminal is gone
    if (!closed_) {
        lost_ += waiting();
        lost_error_ = error;
    }
    text_.clear();
    begin_ = 0;
}

std::string patient_writer::lost_why() const { return std::strerror(lost_error_); }

bool patient_writer::report_loss(const std::string& mark) {
    const std::string line = (mid_line_ ? "\n" : "") + mark;
    const ssize_t n = write_some(line.data(), line.size());
    if (n <= 0) return false;
    text_.insert(begin_, line.substr(static_cast<std::size_t>(n)));
    mid_line_ = line[static_cast<std::size_t>(n) - 1] != '\n';
    lost_ = 0;
    return true;
}

awaitable<> patient_writer::writable() {
    error_code failed = asio::error::operation_not_supported;
    if (own_) {
        co_await own_->async_wait(stream_descriptor::wait_write,
                                  asio::redirect_error(use_awaitable, failed));
        if (failed == asio::error::operation_aborted) throw system_error(failed);
    }
    // A shared description can be watched only by making it non-blocking for its other users: poll
    // it.
    if (failed) co_await clock_.sleep_for(retry_interval);
}

}  // namespace supe
