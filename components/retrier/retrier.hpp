// The relay's clock for retries.
#pragma once

#include "supe/component/component.hpp"

namespace components {

/// Sends `{"retry":true}` to its sibling `queue` every `every` (config `{"every":"5m"}`).
supe::awaitable<> retrier(supe::component& self);

}  // namespace components
