// Who may use a state directory (contract §6 last lines, §7 last line).
#pragma once

#include "supe/async/clock.hpp"
#include "supe/async/unique_fd.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace supe {

/// Two files: `root.lock`, held alone by the root supervisor, with its pid in it; and
/// `processes.lock`, shared by every built-in process of the tree for its life, with the mark of
/// all processes of the tree in it. A new root is refused while the old one lives, and waits for
/// the last of its processes when it is dead.
class state_lock {
public:
    /// As the root: makes the directory (0700) where it is missing. Throws std::runtime_error with
    /// one clear line where it cannot be had: not writable, or in use, and by which process.
    static state_lock acquire_root(const std::filesystem::path& directory, const std::string& what);
    /// As the root: makes again what was deleted of it. True where something was. Throws as above,
    /// also where another root has the directory meanwhile; then it touches nothing.
    bool restore();
    /// As a built-in process of the tree. Nothing, with the reason in `error`, when another root is
    /// taking over.
    static std::optional<state_lock> join(const std::filesystem::path& directory,
                                          std::string& error);

    /// The root, before it starts anything: resumes with true when no process of an earlier root is
    /// left, with false at the deadline.
    awaitable<bool> wait_for_last_processes(clock& time, time_point deadline);

    /// life_mark::tree of all processes of this state directory, of earlier roots too.
    std::uint64_t tree() const { return tree_; }

private:
    void open_root();
    void open_processes();

    std::filesystem::path directory_;
    std::string what_;
    std::uint64_t tree_ = 0;
    unique_fd root_;
    unique_fd processes_;
};

}  // namespace supe
