// A tree as a process: its root, its nested supervisors and its components, each a process of the
// same program.
//
//     int main(int argc, char** argv) {
//         return supe::run_program(argc, argv, "hall.json",
//                                  {.code = {{"/", overseer}}, .roles = {{"worker", worker}}});
//     }
//
// Supervisors start what is built into a program as `PROGRAM component ROLE ADDRESS`: ROLE is
// `supervisor` for a nested supervisor, else what `"component": ROLE` says in the tree file. The
// same main() runs in each of these processes, so that each finds its code in the same settings.
#pragma once

#include "supe/component/component.hpp"
#include "supe/output/terminal_sink.hpp"
#include "supe/supervision/supervisor_code.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace supe {

/// The components that are built into a program, each with the name that a tree file gives it
/// (`"component": NAME`, contract §5). `supervisor` is taken.
using component_roles = std::vector<std::pair<std::string, component_main>>;

/// As read_tree_file() and parse_tree() want them.
std::vector<std::string> role_names(const component_roles& roles);

struct run_settings {
    /// The state directory (contract §1). Empty: that of state_directory({}, NAME OF THE TREE).
    std::filesystem::path state = {};
    /// The tree's own file, to which the state directory belongs; absolute. Empty: it has none.
    std::filesystem::path tree_file = {};
    output_format format = output_format::text;
    /// Reads the tree file again (SIGHUP); throws where it is a bad one. None: there is nothing to
    /// read again.
    std::function<supervisor_spec()> read_again = {};
    /// Code in supervisors (supervisor_code.hpp), by their addresses: `/` is the root, `/dam` a
    /// nested one. It runs in the supervisor's own process, anew in each of its lives.
    std::map<std::string, supervisor_code> code = {};
    component_roles roles = {};
    /// Logs what warnings_of() finds in the tree, at the start and at each reload.
    bool warns = false;
};

/// Runs the tree as its root until it ends. SIGTERM, SIGINT, SIGQUIT: ordered stop, a second one
/// kills. SIGHUP: reload. All output is kept in STATE/logs too. Returns the exit code (contract
/// §6): 0 after a clean stop, 1 where the root failed, 2 where what it needs at start cannot be
/// had, which is printed as one line `supe: …`. Takes over SIGTERM, SIGINT, SIGHUP, SIGPIPE and all
/// children of this process. In a process that was started as `component ROLE` it runs that role.
int run_tree(supervisor_spec tree, run_settings settings);

/// Where this process was started as `PROGRAM component ROLE [ADDRESS]`: runs that role and returns
/// the exit code. Nothing otherwise: call it first in main(), before what only the root should do.
///
/// A nested supervisor ends with 0 after a clean stop, 1 where it failed; a component as
/// run_component() says. 2: no such role, or nobody but a supervisor should have started it. 1: the
/// state directory belongs to another root meanwhile (contract §7, last line).
std::optional<int> run_role(int argc, char** argv, const run_settings& settings);

/// A whole main(): the role that this process was started for, or else the tree of `tree_file` as
/// its root, with run_tree(). A bad file is printed as `supe: FILE:LINE:COLUMN: …`, exit code 2.
/// SIGHUP reads the file again, unless `settings.read_again` is given. What the file has that an
/// operator should look at is logged (`warns`).
int run_program(int argc, char** argv, const std::filesystem::path& tree_file,
                run_settings settings);

}  // namespace supe
