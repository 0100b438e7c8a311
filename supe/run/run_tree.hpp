// Runs a tree in the foreground: `supe run`, `supe relay`, and a nested supervisor as a process.
#pragma once

#include "supe/output/terminal_sink.hpp"
#include "supe/supervision/supervisor_code.hpp"

#include <filesystem>
#include <functional>

namespace supe {

struct run_settings {
    std::filesystem::path state;
    output_format format = output_format::text;
    /// Reads the tree file again (SIGHUP); throws where it is a bad one. None: there is nothing to
    /// read again.
    std::function<supervisor_spec()> read_again = {};
    supervisor_code code = {};  ///< runs in the root supervisor (supervisor_code.hpp)
};

/// Runs the tree until it ends. SIGTERM and SIGINT: ordered stop, a second one kills. SIGHUP:
/// reload. All output is kept in STATE/logs too. Returns the exit code (contract §6).
int run_tree(supervisor_spec tree, run_settings settings);

/// This process as a nested supervisor, on the channel that the environment names.
int run_nested();

}  // namespace supe
