#include "supe/process/posix_process.hpp"

#include "supe/process/descendants.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace supe {
namespace {

using wait_type = asio::posix::stream_descriptor::wait_type;

}  // namespace

posix_process::posix_process(asio::any_io_executor executor, pid_t pid, unique_fd pidfd, notify_socket notify)
    : pid_(pid), pidfd_(executor), notify_(std::move(notify)) {
    pidfd_.assign(pidfd.get());
    pidfd.release();
    if (notify_) {
        notify_ready_ = std::make_unique<asio::posix::stream_descriptor>(executor);
        notify_ready_->assign(notify_.descriptor());
    }
    adopt_child(pid);
}

posix_process::~posix_process() {
    if (notify_ready_) notify_ready_->release();  // notify_ closes it
    if (reaped_) return;
    kill_group();
    ::waitpid(pid_, nullptr, 0);
    forget_child(pid_);
}

awaitable<bool> posix_process::ended_before(timer& alarm) {
    if (is_dead()) co_return true;
    auto wait_for = [](asio::posix::stream_descriptor& d) { return d.async_wait(wait_type::wait_read, asio::deferred); };
    if (notify_ready_) {
        auto first = asio::experimental::make_parallel_group(wait_for(pidfd_), alarm.async_wait(asio::deferred),
                                                             wait_for(*notify_ready_));
        co_await first.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    } else {
        auto first = asio::experimental::make_parallel_group(wait_for(pidfd_), alarm.async_wait(asio::deferred));
        co_await first.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    }
    auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) throw system_error(asio::error::operation_aborted);
    co_return is_dead();
}

std::vector<std::string> posix_process::notifications() {
    return notify_ ? notify_.receive(pid_) : std::vector<std::string>();
}

void posix_process::signal(int number) {
    if (!reaped_) ::syscall(SYS_pidfd_send_signal, pidfd_.native_handle(), number, nullptr, 0);
}

void posix_process::kill_group() {
    if (!reaped_) ::kill(-pid_, SIGKILL);
    signal(SIGKILL);  // it may have joined another group
}

exit_status posix_process::reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    reaped_ = true;
    forget_child(pid_);
    return exit_status::from_wait(status);
}

bool posix_process::is_dead() {
    pollfd p{pidfd_.native_handle(), POLLIN, 0};
    return ::poll(&p, 1, 0) > 0;
}

}  // namespace supe
