// Starts real processes, by Boost.Process v2's vfork launcher with an initializer of our own.
#pragma once

#include "supe/process/launcher.hpp"

#include <boost/asio/any_io_executor.hpp>

namespace supe {

/// Real processes. Each gets a process group, default signals, stdin from /dev/null, a channel (an AF_UNIX stream
/// socketpair), pipes for its output, and SIGKILL when the thread that launched it dies (PR_SET_PDEATHSIG).
/// Making one makes this process the reaper of orphaned descendants, and raises its descriptor limit to the hard one;
/// children get the old limit back.
class posix_launcher final : public launcher {
public:
    explicit posix_launcher(asio::any_io_executor executor);
    std::variant<std::unique_ptr<process>, launch_error> launch(const launch_request&) override;
    bool end_descendants(const std::string& address) override;

private:
    asio::any_io_executor executor_;
    unique_fd null_;
};

}  // namespace supe
