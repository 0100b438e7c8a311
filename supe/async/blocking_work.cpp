#include "supe/async/blocking_work.hpp"

#include "supe/async/stream_descriptor.hpp"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <csignal>

namespace supe {
namespace {

/// A new thread inherits the mask of signals.
class without_signals {
public:
    without_signals() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~without_signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    without_signals(const without_signals&) = delete;
    without_signals& operator=(const without_signals&) = delete;

private:
    sigset_t before_;
};

/// Nothing that the thread uses ends before it.
struct joined_thread {
    std::thread thread;
    ~joined_thread() { thread.join(); }
};

}  // namespace

std::thread start_thread(std::function<void()> work) {
    const without_signals masked;
    return std::thread(std::move(work));
}

awaitable<> run_blocking(loop_executor executor, std::function<void()> work) {
    stream_descriptor ended(executor, ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
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
