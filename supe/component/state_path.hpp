// Where a component keeps its files.
#pragma once

#include <cstdlib>
#include <filesystem>

namespace supe {

/// `file` itself where it is absolute, else in the tree's state directory (SUPE_STATE, which every
/// child gets).
inline std::filesystem::path in_state(const std::filesystem::path& file) {
    const char* state = std::getenv("SUPE_STATE");
    return file.is_absolute() || !state ? file : std::filesystem::path(state) / file;
}

}  // namespace supe
