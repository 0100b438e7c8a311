// The numbers of the queue, for whoever shows them (components/admin/). No waiting and no channel.
#pragma once

#include "components/queue/queue_logic.hpp"

#include <boost/json/object.hpp>

namespace components {

/// Of all routes, and of each (also of one that is in the settings no more; then without the
/// members behind `oldest_ms`):
///
///     {"refuses":"","writable","bytes","limit","disk_free","disk_reserve","bounds_ms":[5,…],
///      "routes":{NAME:
///      {"accepted","delivered","dead","dropped","duplicates","replayed","pending","failed",
///       "paused","oldest_ms","in_flight","connections","circuit","attempts":{"none","1xx",…},
///       "durations":[…],"durations_ms"}}}
///
/// `refuses`: why no webhook is taken now. `writable`: false where the store's file is lost; what
/// is queued is delivered all the same. `oldest_ms`: since the oldest of those queued came in,
/// whatever an operator did with it; 0 where none is. `attempts` and `durations` (one more than the
/// bounds) are counted since the queue began. Throws store_error.
boost::json::object metrics_of(const queue_logic& logic, webhook_store& store, unix_ms now);

const char* name_of(patterns::circuit_breaker::phase p);

}  // namespace components
