// Where trees keep what must outlive them (contract §1).
#pragma once

#include <filesystem>
#include <string>

namespace supe {

/// The folder of all trees that were given no other place: $XDG_STATE_HOME/supe, else
/// ~/.local/state/supe.
std::filesystem::path state_home();

/// The state directory of a tree: `given`, else $STATE_DIRECTORY, else the folder NAME of
/// state_home(). It need not exist yet.
std::filesystem::path state_directory(const std::string& given, const std::string& tree_name);

}  // namespace supe
