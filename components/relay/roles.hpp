// The built-in roles of the binary: what `"component": NAME` means in a tree file.
#pragma once

#include "supe/run/run_tree.hpp"

#include <string>
#include <vector>

namespace components {

const supe::component_roles& built_in_roles();
std::vector<std::string> role_names();

}  // namespace components
