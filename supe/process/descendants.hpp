// The children of this process that it did not start: orphans that fell to it as the reaper of its descendants.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace supe {

/// This process started `pid` and reaps it itself.
void adopt_child(pid_t pid);
void forget_child(pid_t pid);

struct orphan {
    pid_t pid;
    std::string address;   ///< SUPE_ADDRESS of its environment; empty where it has none, or lets nobody read it
    bool exiting = false;  ///< it has no address any more, and still holds what it held: descriptors, ports, locks
};

/// Those that live. Those that are dead are reaped, whosever they were. Costs time in proportion to our children.
std::vector<orphan> look_for_orphans();

/// Kills those whose address is `root` or lies below it; true when there is none. One that is exiting may be of them, and
/// counts, which takes microseconds.
bool kill_below(const std::vector<orphan>& orphans, const std::string& root);

}  // namespace supe
