// The commands of the program (contract §6), each described with what performs it.
#pragma once

#include "components/command_line/command.hpp"
#include "supe/run/main.hpp"

namespace components {

struct target_tree;

// In the foreground. Which tree is meant, `where`, may be said before the command as well. What is
// passed by reference must outlive the command.
command relay_command(const target_tree& where);
command run_command(const supe::program& program, const target_tree& where);
command check_command(const supe::program& program);
command chaos_command();
command new_command();
command conformance_command();
command completion_command(const command& program);  // `program` must outlive it

// What an operator asks a running tree.
command status_command(target_tree& where);
command tree_command(target_tree& where);
command logs_command(target_tree& where);
command doctor_command(target_tree& where);
command notices_command(target_tree& where);
command mail_command(target_tree& where);
command dead_command(target_tree& where);
command webhooks_command(target_tree& where);
// start, stop, restart, add, reload, …
std::vector<command> administration_commands(const supe::program& program, target_tree& where);

}  // namespace components
