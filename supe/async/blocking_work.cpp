#include "supe/async/blocking_work.hpp"

#include "supe/async/signals_blocked.hpp"
#include "supe/async/stream_descriptor.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

namespace supe {
namespace {

/// Nothing that the thread uses ends before it.
struct joined_thread {
    std::thread thread;
    ~joined_thread() { thread.join(); }
};

}  // namespace

std::thread start_thread(std::function<void()> work) {
    const signals_blocked inherited;
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
