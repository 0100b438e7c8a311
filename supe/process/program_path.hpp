// Which file a command means.
#pragma once

#include "supe/process/launcher.hpp"

#include <string>
#include <variant>

namespace supe {

/// The file that execvp would run in the request's directory: command[0] itself where it has a
/// slash, else the first match in the PATH of its environment. What is relative there is relative
/// to the directory.
std::variant<std::string, launch_error> find_program(const launch_request& request);

/// Why this file could not be run, in words that name the culprit: ENOENT of a script means its
/// interpreter.
launch_error exec_error(const launch_request& request, const std::string& program, int number);

}  // namespace supe
