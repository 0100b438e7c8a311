// What children leave behind: orphans that fell to this process as the reaper of its descendants,
// and those that outlived a root which was killed.
#pragma once

#include "supe/async/unique_fd.hpp"

#include <sys/types.h>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace supe {

/// A variable of the environment that a process began with; what it changed since does not show.
/// Empty where it has none, or lets nobody read it.
std::string variable_of(pid_t pid, std::string_view name);

/// This process started `pid` and reaps it itself.
void adopt_child(pid_t pid);
void forget_child(pid_t pid);

struct orphan {
    pid_t pid;
    std::string address;   ///< SUPE_ADDRESS of its environment; empty where it has none, or lets
                           ///< nobody read it
    bool exiting = false;  ///< it has no address any more, and still holds what it held:
                           ///< descriptors, ports, locks
};

/// Those that live. Those that are dead are reaped, whosever they were. Costs time in proportion to
/// our children.
std::vector<orphan> look_for_orphans();

/// Kills those whose address is `root` or lies below it; true when there is none. One that is
/// exiting may be of them, and counts, which takes microseconds.
bool kill_below(const std::vector<orphan>& orphans, const std::string& root);

/// Kills the processes of the tree on this state directory (SUPE_STATE in their environment),
/// wherever they are, but not us, our process group and those that we descend from. Their pidfds.
/// For a new root, before it starts anything: with a root that is killed its children die, but not
/// all that they had started.
std::vector<unique_fd> kill_left_behind(const std::filesystem::path& state);

}  // namespace supe
