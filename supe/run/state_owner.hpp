// Whose a state directory is: a tree file's (contract §1).
#pragma once

#include <filesystem>
#include <string>

namespace supe {

/// Records in `state` that it belongs to the tree file `file` (absolute). Returns a line for the
/// log where it took the directory over from a file that does not exist any more; else an empty
/// one. Throws std::runtime_error where it belongs to another file. A tree without a file (`file`
/// is empty) is not checked, and leaves the record as it is. For the root, which holds the lock.
std::string claim_state(const std::filesystem::path& state, const std::filesystem::path& file);

}  // namespace supe
