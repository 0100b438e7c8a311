// The children of this process that it did not start: orphans that fell to it as the reaper of its descendants.
#pragma once

#include <string>
#include <sys/types.h>

namespace supe {

/// This process started `pid` and reaps it itself.
void adopt_child(pid_t pid);
void forget_child(pid_t pid);

/// Kills orphans whose SUPE_ADDRESS is `address` or lies below it, and reaps those that are dead, whosever they were.
/// True when none with that address is left. Their own children fall to us when they die: ask again until true.
bool kill_descendants(const std::string& address);

}  // namespace supe
