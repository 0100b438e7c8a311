// What the connection lock knows of processes and sockets, from the operating system.
#pragma once

#include "patterns/connection_lock.hpp"

namespace components {

/// The kernel forgets an orphaned socket after as long (tcp_fin_timeout).
inline constexpr auto orphan_limit = std::chrono::seconds(61);

/// Processes by pidfd, sockets by sock_diag. Where the kernel has no sock_diag it is blind: then no
/// socket is ever left, and permits must rest for orphan_limit instead.
class system_holder_watch final : public patterns::holder_watch {
public:
    explicit system_holder_watch(supe::clock& time);
    bool blind() const { return blind_; }
    bool alive(const patterns::process_identity& holder) override;
    supe::awaitable<> gone(patterns::process_identity holder) override;
    std::optional<patterns::connections_left> left() override;
    std::optional<std::uint64_t> resets() override;

private:
    supe::clock& time_;
    bool blind_;
};

}  // namespace components
