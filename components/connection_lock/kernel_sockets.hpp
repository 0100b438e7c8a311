// What the kernel still has of connections whose process is gone.
#pragma once

#include <optional>
#include <set>
#include <string>

namespace components {

/// True when a TCP socket without a process (inode 0) is left whose peer, one of `peers`
/// (`ADDRESS:PORT`, an IPv6 address in brackets), has not closed it yet: FIN_WAIT1 or FIN_WAIT2
/// (contract §7). By sock_diag(7); nothing where the kernel doesn't answer that here.
std::optional<bool> orphaned_sockets(const std::set<std::string>& peers);

}  // namespace components
