#include "components/connection_lock/system_holder_watch.hpp"

#include "components/connection_lock/kernel_sockets.hpp"
#include "supe/async/stream_descriptor.hpp"
#include "supe/async/unique_fd.hpp"

#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>

namespace components {
namespace {

using namespace std::chrono_literals;

constexpr auto retry_pause = 100ms;  // where there is no descriptor left

int pidfd_of(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

/// Its number belongs to another process by now. Where /proc cannot be read (no descriptor is left)
/// nothing says so.
bool is_another(const patterns::process_identity& holder) {
    const auto now = patterns::process_of(holder.pid);
    return now.started != 0 && now != holder;
}

}  // namespace

system_holder_watch::system_holder_watch(supe::clock& time)
    : time_(time), blind_(!sockets_left()) {}

bool system_holder_watch::alive(const patterns::process_identity& holder) {
    const bool none = holder.pid <= 0 || (::kill(holder.pid, 0) != 0 && errno == ESRCH);
    return !none && !is_another(holder);
}

supe::awaitable<> system_holder_watch::gone(patterns::process_identity holder) {
    int fd = pidfd_of(holder.pid);
    // Only "no such process" says that it is gone; any other error is ours.
    while (fd < 0 && errno != ESRCH) {
        co_await time_.sleep_for(retry_pause);
        fd = pidfd_of(holder.pid);
    }
    if (fd < 0) co_return;
    supe::stream_descriptor process(time_.executor(), fd);
    if (is_another(holder)) co_return;
    co_await process.async_wait(supe::stream_descriptor::wait_read, supe::use_awaitable);
}

std::optional<patterns::connections_left> system_holder_watch::left() {
    if (blind_) return patterns::connections_left{{}, resets()};
    auto sockets = sockets_left();
    if (!sockets) return std::nullopt;
    return patterns::connections_left{std::move(*sockets), resets()};
}

std::optional<std::uint64_t> system_holder_watch::resets() { return resets_so_far(); }

}  // namespace components
