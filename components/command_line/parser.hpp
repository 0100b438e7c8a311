// From the words of a command line to the command that they name.
#pragma once

#include "components/command_line/command.hpp"

namespace components {

/// Parses, stores the values and performs the command; `program` is the whole command line, by its
/// own name. `--help` and `--version` are added. Bad usage, and a command that throws, print one
/// line on stderr.
exit_code parse_and_perform(const command& program, const char* version, int argc, char** argv);

}  // namespace components
