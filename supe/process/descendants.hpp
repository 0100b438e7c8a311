// The processes that children leave behind: orphans of this process, which is a subreaper, and
// processes that outlived a killed root.
#pragma once

#include "supe/async/unique_fd.hpp"

#include <sys/types.h>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace supe {

/// A variable of the environment that a process was started with. Later changes do not show. Empty
/// when it has no such variable, or its environment cannot be read.
std::string variable_of(pid_t pid, std::string_view name);

/// `pid` is a child that this process started: it is reaped by its owner, until forget_child().
void adopt_child(pid_t pid);
void forget_child(pid_t pid);

struct orphan {
    pid_t pid;
    std::string
        address;  ///< SUPE_ADDRESS of its environment; empty when it has none, or cannot be read
    bool exiting =
        false;  ///< it has lost its environment, but still has its descriptors, ports and locks
};

/// Returns the living orphans, and reaps the dead ones. Takes time in proportion to the number of
/// our children.
std::vector<orphan> look_for_orphans();

/// Kills the orphans whose address is `root` or below it. True when no such orphan is left. An
/// exiting orphan counts as one of them, for the microseconds that it lasts.
bool kill_below(const std::vector<orphan>& orphans, const std::string& root);

/// Kills all processes whose environment has this state directory as SUPE_STATE, except this
/// process, its group and its ancestors. Returns their pidfds. A new root calls it before it starts
/// anything: when a root is killed its children die, but not everything that they started.
std::vector<unique_fd> kill_left_behind(const std::filesystem::path& state);

}  // namespace supe
