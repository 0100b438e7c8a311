// What this process was started for, where a supervisor started it: `PROGRAM component ROLE`.
#pragma once

#include "supe/run/run_tree.hpp"

namespace supe {

/// Runs a component of `settings.roles`, or the nested supervisor for `supervisor`, and returns the
/// exit code.
int run_component_role(const std::string& role, const run_settings& settings);

/// The ROLE where a supervisor started this process so; nothing otherwise.
std::optional<std::string> role_of_this_process();

}  // namespace supe
