// The relay's connection lock: the pattern, on real processes and sockets.
#pragma once

#include "supe/component/component.hpp"

namespace components {

/// patterns::serve_connection_lock, with processes known by number and start, sockets by sock_diag,
/// and a file in the state directory for what must outlive it. `timeout` is how long the
/// destination may take to notice that a connection was reset. Config:
/// `{"connections":4,"permit_rest":"1s","timeout":"30s"}`.
supe::awaitable<> connection_lock(supe::component& self);

}  // namespace components
