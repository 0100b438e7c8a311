// A program of one's own that is supervisor and all its components in one, with the command line of
// `supe` for its own tree.
//
//     constexpr const char* tree = R"({ "name": "hall", "children": [
//         { "name": "greeter", "component": "greeter", "demand": true } ] })";
//
//     int main(int argc, char** argv) {
//         return supe::main(argc, argv, {.tree = tree, .roles = {{"greeter", greeter}}});
//     }
//
//     ./hall run
//     ./hall mail greeter '"world"'; ./hall status; ./hall logs -f
//
// Link supe::main (libsupe_main) besides supe::supe.
#pragma once

#include "supe/run/run_tree.hpp"

#include <map>
#include <string>

namespace supe {

struct program {
    /// The text of a tree file (contract §5), for `run` and `check` without a file; relative
    /// directories in it are relative to the current one. Empty: both need a file.
    std::string tree = {};
    component_roles roles = {};
    /// Code in supervisors, by their addresses, as in run_settings.
    std::map<std::string, supervisor_code> code = {};
};

/// The whole main(). As a process that a supervisor started it runs its role. Otherwise it is a
/// command line: run, check, and what an operator asks of a running tree (status, tree, logs,
/// notices, start, stop, restart, add, remove, scale, reload, mail, dead), which means the tree of
/// `what` unless --state or --tree names another one. Returns the exit code (contract §6).
int main(int argc, char** argv, program what);

}  // namespace supe
