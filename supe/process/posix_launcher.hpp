// Starts real processes with Boost.Process v2, with our own launcher and initializer.
#pragma once

#include "supe/process/descendants.hpp"
#include "supe/process/launcher.hpp"
#include "supe/process/listen_address.hpp"

#include <array>
#include <cstdint>

namespace supe {

/// Each process gets a session and a mark (life_mark.hpp) of its own, default signals, stdin from
/// /dev/null, a channel (an AF_UNIX stream socketpair), pipes for its output, and SIGKILL when the
/// thread that launched it dies (PR_SET_PDEATHSIG).
///
/// The constructor makes this process a subreaper, and raises its descriptor limit to the hard
/// limit; children get the old limit. From then on every child of this process that was not started
/// here counts as an orphan, and is reaped.
class posix_launcher final : public launcher {
public:
    explicit posix_launcher(loop_executor executor);
    std::variant<std::unique_ptr<process>, launch_error> launch(const launch_request&) override;
    /// All callers in one turn of the event loop share one scan of our children.
    awaitable<left_descendants> end_descendants(pid_t life, std::string address) override;
    /// At the end of a supervisor: kills every child that this process still has and that was not
    /// started by launch(). False when some are left at the deadline.
    awaitable<bool> end_all_descendants(clock& time, time_point deadline);
    /// The processes that are started from now on belong to this tree (life_mark::tree). Before,
    /// they belong to the tree of our own mark, or to one of their own.
    void belong_to(std::uint64_t tree) { tree_ = tree; }
    /// Reaps orphans that die while no child ends, as init does. Runs until it is cancelled.
    awaitable<> reap_orphans(clock& time);

private:
    void scan();

    loop_executor executor_;
    unique_fd null_;
    // Low numbers for the descriptors of the next child: three, its sockets and its channel.
    std::array<unique_fd, 3 + most_listen_addresses + 1> reserved_;
    std::uint64_t tree_;
    orphan_list orphans_;  // of the last scan
    std::uint64_t scans_ = 0;
};

}  // namespace supe
