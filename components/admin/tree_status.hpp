// What `supe status` would say, for a component of the tree.
#pragma once

#include "supe/component/component.hpp"

namespace components {

/// The status of the whole tree (contract §6, `supe status --json`), by the control socket of the
/// state directory. Throws std::exception where it cannot be had.
supe::awaitable<boost::json::value> tree_status(supe::component& self);

}  // namespace components
