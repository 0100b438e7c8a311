// The control group (cgroup v2) of all processes of a tree: whoever starts a process cannot take it
// out of its group by a session of its own, or by another environment.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace supe {

/// A group below the one that this process is in. This process enters it before it starts children,
/// so that all its descendants are members, at no cost for each start. At its end it leaves, and
/// ends those that are left.
class control_group {
public:
    /// The group of this tree (life_mark::tree), which is made where it is missing. Nothing where
    /// no group can be had: without cgroup v2, without the right to make one, and where systemd
    /// manages the groups and has not delegated ours (`Delegate=yes`).
    static std::optional<control_group> of(std::uint64_t tree);
    /// The same below a given directory of the kernel's file system.
    static std::optional<control_group> below(std::filesystem::path own, std::uint64_t tree);

    /// Moves this process into the group. False where that is refused.
    bool enter();
    /// Back to where it was. False where that is refused; then nothing may be killed.
    bool leave();
    /// The members, of groups below it too. Only with this process outside: kill() ends all of
    /// them.
    std::vector<pid_t> members() const;
    /// SIGKILL for all members at once (`cgroup.kill`, Linux 5.14), or for each. They end soon.
    void kill() const;
    /// Removes the group, with those below it. No effect while it has members.
    void remove() const;

private:
    explicit control_group(std::filesystem::path own, std::filesystem::path path)
        : own_(std::move(own)), path_(std::move(path)) {}

    std::filesystem::path own_;   // that this process was in
    std::filesystem::path path_;  // of the tree
};

/// The directory of a process's group, from the texts of its `/proc/PID/cgroup` and
/// `/proc/PID/mountinfo` (proc(5), cgroups(7)). Empty where cgroup v2 is not mounted, or does not
/// show it.
std::filesystem::path control_group_directory(std::string_view cgroup, std::string_view mountinfo);

}  // namespace supe
