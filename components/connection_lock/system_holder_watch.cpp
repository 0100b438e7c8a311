#include "components/connection_lock/system_holder_watch.hpp"

#include "components/connection_lock/kernel_sockets.hpp"
#include "patterns/output.hpp"
#include "supe/async/unique_fd.hpp"
#include "supe/process/descendants.hpp"

#include <sys/syscall.h>
#include <fstream>
#include "supe/async/stream_descriptor.hpp"

namespace components {
namespace {

using namespace std::chrono_literals;

constexpr auto retry_pause = 100ms;  // where there is no descriptor left

int pidfd_of(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

/// The process is the one that its supervisor started under this address (for a sibling: under this
/// name).
bool has_address(pid_t pid, const std::string& address) {
    const std::string theirs = supe::variable_of(pid, "SUPE_ADDRESS");
    return !theirs.empty() && (theirs == address || theirs.ends_with("/" + address));
}

}  // namespace

system_holder_watch::system_holder_watch(supe::clock& time)
    : time_(time), blind_(!orphaned_sockets({})) {}

bool system_holder_watch::alive(const patterns::permit_holder& holder) {
    const supe::unique_fd process(pidfd_of(holder.pid));
    return process && has_address(holder.pid, holder.address);
}

supe::awaitable<> system_holder_watch::gone(patterns::permit_holder holder) {
    int fd = pidfd_of(holder.pid);
    // Only "no such process" says that it is gone; any other error is ours.
    while (fd < 0 && errno != ESRCH) {
        co_await time_.sleep_for(retry_pause);
        fd = pidfd_of(holder.pid);
    }
    if (fd < 0) co_return;
    supe::stream_descriptor process(time_.executor(), fd);
    if (!has_address(holder.pid, holder.address)) co_return;  // another one has got its number
    co_await process.async_wait(supe::stream_descriptor::wait_read, supe::use_awaitable);
}

bool system_holder_watch::quiet(const std::set<std::string>& peers) {
    if (blind_) return true;
    const auto left = orphaned_sockets(peers);
    return left && !*left;
}

std::optional<std::set<std::string>> lock_memory_file::unclean_peers() {
    std::ifstream in(file_);
    if (!in) return std::nullopt;
    std::set<std::string> peers;
    for (std::string line; std::getline(in, line);)
        if (!line.empty()) peers.insert(line);
    return peers;
}

void lock_memory_file::remember(const std::set<std::string>& peers) {
    // Written beside it and renamed: a full disk leaves what was known before.
    std::filesystem::path fresh = file_;
    fresh += ".new";
    std::ofstream out(fresh, std::ios::trunc);
    for (const std::string& p : peers) out << p << '\n';
    out.close();
    std::error_code failed;
    if (out) std::filesystem::rename(fresh, file_, failed);
    if (!out || failed)
        patterns::warn(
            "{} cannot be written: after a crash of this lock, some permits may rest too short",
            file_.string());
}

void lock_memory_file::ended_cleanly() {
    std::error_code ignored;
    std::filesystem::remove(file_, ignored);
}

}  // namespace components
