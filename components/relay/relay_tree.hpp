// Which tree the settings of a relay mean (contract §7).
#pragma once

#include "components/relay/relay_settings.hpp"
#include "supe/tree/child_spec.hpp"

namespace components {

/// `connection_lock`, then `dam` with `queue`, `forwarder` and `retrier`, then `http_server`; for
/// the demo also a small app and a sender.
supe::supervisor_spec relay_tree(const relay_settings& settings);

}  // namespace components
