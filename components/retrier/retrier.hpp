// A role of earlier versions. The queue knows itself when something is due; trees that were printed
// then (`supe relay --print-tree`) still have a retrier, and run as they are.
#pragma once

#include "supe/component/component.hpp"

namespace components {

/// Sends `{"retry":true}` to its sibling `queue` every `every` (config `{"every":"5m"}`).
supe::awaitable<> retrier(supe::component& self);

}  // namespace components
