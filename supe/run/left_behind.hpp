// Processes that an earlier root of the same state directory left behind.
#pragma once

#include "supe/async/clock.hpp"
#include "supe/process/control_group.hpp"

#include <cstdint>
#include <filesystem>

namespace supe {

/// Kills them and waits until they have ended, for at most 10 s. Returns how many there were. For a
/// new root, before it starts anything. `tree`: life_mark::tree of the directory.
awaitable<std::size_t> end_left_behind(clock& time, std::filesystem::path state,
                                       std::uint64_t tree);
/// The same for all members of a group.
awaitable<std::size_t> end_members(clock& time, control_group group);

}  // namespace supe
