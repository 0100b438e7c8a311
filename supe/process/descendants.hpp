// The processes that children leave behind: orphans of this process, which is a subreaper, and
// processes that outlived a killed root.
#pragma once

#include "supe/async/unique_fd.hpp"
#include "supe/process/launcher.hpp"

#include <sys/types.h>
#include <cstdint>
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

/// The children that this process has now were not left behind by a child of a supervisor: they are
/// not touched. (A shell had started them and then became this process with `exec`.)
void leave_alone_inherited_children();

/// Of a pidfd. Also of a process that its parent has not reaped yet.
bool has_ended(const unique_fd& process);

/// After its leader was reaped: the group of a child that we started has members. Reaps those of
/// them that are dead and are our orphans. Those of another parent count until it reaps them.
bool has_members(pid_t group);

struct orphan_list {
    std::vector<pid_t> living;
    bool complete = true;  ///< false: orphans came and went for as long as we looked
};

/// Reaps the dead orphans, kills those whose child is dead, and returns the living ones. Takes time
/// in proportion to the number of our orphans.
orphan_list look_for_orphans();

/// After the end of the child that had the pid `life` and the address `address`: kills its orphans.
/// `found`: of a look after that end, and the latest one.
left_descendants end_life(const orphan_list& found, pid_t life, const std::string& address);

/// Kills all orphans. True when none is left but those that may not be signalled, which may live
/// for ever.
bool end_all(const orphan_list& found);

/// Kills all processes that have the mark of `tree` (0: no tree), and those without a mark that
/// have this state directory as SUPE_STATE in their environment, except this process, its group and
/// its ancestors. Returns their pidfds. A new root calls it before it starts anything: when a root
/// is killed its children die, but not everything that they started.
std::vector<unique_fd> kill_left_behind(const std::filesystem::path& state, std::uint64_t tree);

}  // namespace supe
