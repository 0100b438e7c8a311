// Starts real processes, by Boost.Process v2, with a launcher and an initializer of our own.
#pragma once

#include "supe/process/descendants.hpp"
#include "supe/process/launcher.hpp"

#include <array>
#include <cstdint>

namespace supe {

/// Real processes. Each gets a process group, default signals, stdin from /dev/null, a channel (an
/// AF_UNIX stream socketpair), pipes for its output, and SIGKILL when the thread that launched it
/// dies (PR_SET_PDEATHSIG). Making one makes this process the reaper of orphaned descendants, and
/// raises its descriptor limit to the hard one; children get the old limit back. From then on
/// whatever this process has as a child and did not start here is taken for such an orphan, and
/// reaped.
class posix_launcher final : public launcher {
public:
    explicit posix_launcher(loop_executor executor);
    std::variant<std::unique_ptr<process>, launch_error> launch(const launch_request&) override;
    /// All who ask in one turn of the event loop share one look at our children.
    awaitable<bool> end_descendants(std::string address) override;
    /// Reaps orphans that die while no child ends, as init does; runs until it is cancelled.
    awaitable<> reap_orphans(clock& time);

private:
    void look();

    loop_executor executor_;
    unique_fd null_;
    std::array<unique_fd, 16> handed_on_;  // low numbers, kept for what the next child is given
    std::vector<orphan> orphans_;          // as of the last look
    std::uint64_t looks_ = 0;
};

}  // namespace supe
