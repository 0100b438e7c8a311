// Which tree the settings of a relay mean (contract §7).
#pragma once

#include "components/relay/relay_settings.hpp"
#include "supe/tree/child_spec.hpp"

namespace components {

/// A `connection_lock` for each route, then `dam` with `queue` and a `forwarder` for each route,
/// and `admin` where the settings have it; then `http_server`; for the demo also a small app and a
/// sender. A route with a name of its own has `connection_lock-NAME` and `forwarder-NAME`: its
/// destination's faults stay in there.
supe::supervisor_spec relay_tree(const relay_settings& settings);

}  // namespace components
