// The relay's connection lock: the pattern, on real processes and sockets.
#pragma once

#include "supe/component/component.hpp"

namespace components {

/// patterns::serve_connection_lock, with holders known by their pidfd and SUPE_ADDRESS, sockets by
/// sock_diag, and a file in the state directory for what must outlive it. Config:
/// `{"connections":4,"permit_rest":"1s"}`.
supe::awaitable<> connection_lock(supe::component& self);

}  // namespace components
