// What the kernel still has of connections whose process is gone.
#pragma once

#include "patterns/permit_table.hpp"

#include <optional>
#include <vector>

namespace components {

/// The TCP sockets without a process (inode 0): those that their peer has not closed yet
/// (FIN_WAIT1, FIN_WAIT2), and those that both sides have closed (contract §7). By sock_diag(7);
/// nothing where the kernel doesn't answer that here.
std::optional<std::vector<patterns::left_socket>> sockets_left();

/// TCPAbortOnClose and TCPAbortOnData of this network namespace: connections that were reset
/// because data was unread at their end, or came after it. Nothing where the kernel does not count
/// them.
std::optional<std::uint64_t> resets_so_far();

}  // namespace components
