#include "supe/async/blocking_work.hpp"

#include "supe/async/signals_blocked.hpp"
#include "supe/async/stream_descriptor.hpp"
#include "supe/async/unique_fd.hpp"

#include <sys/eventfd.h>
#include <unistd.h>
#include <cerrno>
#include <system_error>

namespace supe {
namespace {

/// Nothing that the thread uses ends before it.
struct joined_thread {
    std::thread thread;
    ~joined_thread() { thread.join(); }
};

/// Readable when the work has ended.
stream_descriptor end_signal(loop_executor executor) {
    unique_fd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!fd) throw std::system_error(errno, std::generic_category());
    stream_descriptor signal(executor);
    boost::system::error_code failed;
    signal.assign(fd.get(), failed);
    if (failed) throw std::system_error(failed.value(), std::generic_category());
    fd.release();
    return signal;
}

}  // namespace

std::thread start_thread(std::function<void()> work) {
    const signals_blocked inherited;
    return std::thread(std::move(work));
}

awaitable<> run_blocking(loop_executor executor, std::function<void()> work) {
    stream_descriptor ended = end_signal(executor);
    const int fd = ended.native_handle();
    std::function<void()> body = [&work, fd] {
        work();
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto n = ::write(fd, &one, sizeof one);
    };
    const joined_thread running{start_thread(std::move(body))};
    co_await ended.async_wait(stream_descriptor::wait_read, use_awaitable);
}

}  // namespace supe
