// Runs a tree in the foreground: `supe run`, `supe relay`, and a nested supervisor as a process.
#pragma once

#include "supe/output/terminal_sink.hpp"
#include "supe/supervision/supervisor_code.hpp"

#include <filesystem>

namespace components {

/// Runs the tree until it ends. SIGTERM and SIGINT: ordered stop, a second one kills. All output is kept in STATE/logs too.
/// Returns the exit code (contract §6). `code` runs in the root supervisor (supervisor_code.hpp).
int run_tree(supe::supervisor_spec tree, const std::filesystem::path& state, supe::supervisor_code code = {},
             supe::output_format format = supe::output_format::text);

/// This process as a nested supervisor, on the channel that the environment names.
int run_nested();

/// Where a tree keeps what must outlive it (contract §1): `given`, else $STATE_DIRECTORY, else $XDG_STATE_HOME/supe/NAME,
/// else ~/.local/state/supe/NAME.
std::filesystem::path state_directory(const std::string& given, const std::string& tree_name);

}  // namespace components
