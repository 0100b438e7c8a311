// What the connection lock knows of processes and sockets, from the operating system.
#pragma once

#include "patterns/connection_lock.hpp"

#include <filesystem>

namespace components {

/// The kernel forgets an orphaned socket after as long (tcp_fin_timeout).
inline constexpr auto orphan_limit = std::chrono::seconds(61);

/// Processes by pidfd, sockets by sock_diag. Where the kernel has no sock_diag it is blind: then
/// quiet() is always true, and permits must rest for orphan_limit instead.
class system_holder_watch final : public patterns::holder_watch {
public:
    explicit system_holder_watch(supe::clock& time);
    bool blind() const { return blind_; }
    bool alive(const patterns::permit_holder& holder) override;
    supe::awaitable<> gone(patterns::permit_holder holder) override;
    bool quiet(const std::set<std::string>& peers) override;

private:
    supe::clock& time_;
    bool blind_;
};

/// A file that exists from the start to the clean end; a peer a line. No fsync: when the power
/// fails, all holders do too.
class lock_memory_file final : public patterns::lock_memory {
public:
    explicit lock_memory_file(std::filesystem::path file) : file_(std::move(file)) {}
    std::optional<std::set<std::string>> unclean_peers() override;
    void remember(const std::set<std::string>& peers) override;
    void ended_cleanly() override;

private:
    std::filesystem::path file_;
};

}  // namespace components
