// The file that a command runs.
#pragma once

#include "supe/process/launcher.hpp"

#include <string>
#include <variant>

namespace supe {

/// The file that execvp would run in the request's directory: command[0] itself when it has a
/// slash, else the first match in the PATH of its environment. Relative entries of PATH are
/// relative to the directory.
std::variant<std::string, launch_error> find_program(const launch_request& request);

/// Why this file could not be run. The text names the cause: for a script, ENOENT may mean its
/// interpreter.
launch_error exec_error(const launch_request& request, const std::string& program, int number);

}  // namespace supe
