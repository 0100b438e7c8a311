// What an operator asks a running tree (contract §6).
#pragma once

#include <memory>

namespace CLI {
class App;
}

namespace components {

struct target_tree;

/// Adds the commands to the command line; each leaves its exit code in `exit_code`. Which tree is
/// meant, `where`, may be said before the command as well as behind it.
void add_operator_commands(CLI::App& app, std::shared_ptr<target_tree> where, int& exit_code);

// The parts of it.
void add_looking(CLI::App& app, std::shared_ptr<target_tree> where,
                 int& exit_code);  // status, tree
void add_administration(CLI::App& app, std::shared_ptr<target_tree> where,
                        int& exit_code);  // start, stop, restart, add, …
void add_mail(CLI::App& app, std::shared_ptr<target_tree> where, int& exit_code);     // mail
void add_notices(CLI::App& app, std::shared_ptr<target_tree> where, int& exit_code);  // notices
void add_logs(CLI::App& app, std::shared_ptr<target_tree> where, int& exit_code);     // logs

void add_dead(CLI::App& app, std::shared_ptr<target_tree> where,
              int& exit_code);  // dead list, show, retry, drop

/// `--state` and `--tree` of a command.
void add_target_options(CLI::App& command, const std::shared_ptr<target_tree>& where);

/// Colour on this descriptor: a terminal, and no NO_COLOR.
bool in_colour(int fd);

}  // namespace components
