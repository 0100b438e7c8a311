// The built-in roles of the binary: what `"component": NAME` means in a tree file.
#pragma once

#include "supe/component/component.hpp"

#include <string>
#include <vector>

namespace components {

/// The coroutine behind a role; empty for an unknown name. `supervisor` is not among them: see
/// run_role.
supe::component_main find_role(const std::string& name);
std::vector<std::string> role_names();

/// This process as the role that its supervisor wants (`supe component ROLE`). Returns the exit
/// code.
int run_role(const std::string& name);

}  // namespace components
