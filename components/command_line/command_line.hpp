// The command line of the binary (contract §6).
#pragma once

namespace components {

/// Parses and does it. Returns the exit code.
int run_command_line(int argc, char** argv);

}  // namespace components
