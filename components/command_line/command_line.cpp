#include "components/command_line/command_line.hpp"

#include "components/command_line/commands.hpp"
#include "components/command_line/own_program.hpp"
#include "components/command_line/parser.hpp"
#include "components/command_line/target_tree.hpp"
#include "components/relay/roles.hpp"
#include "supe/run/run_tree.hpp"
#include "supe/run/version.hpp"

namespace components {
namespace {

void add_commands(command& program, const supe::program& built_in, target_tree& where) {
    std::vector<command>& all = program.commands;
    all.push_back(relay_command(where));
    all.push_back(run_command(built_in, where));
    all.push_back(check_command(built_in));
    all.push_back(chaos_command());
    all.push_back(new_command());
    all.push_back(completion_command(program));
    all.push_back(status_command(where));
    all.push_back(tree_command(where));
    all.push_back(logs_command(where));
    all.push_back(notices_command(where));
    all.push_back(doctor_command(where));
    all.push_back(conformance_command());
    for (command& c : administration_commands(built_in, where)) all.push_back(std::move(c));
    all.push_back(mail_command(where));
    all.push_back(dead_command(where));
    all.push_back(webhooks_command(where));
}

}  // namespace

int run_command_line(int argc, char** argv) {
    hold_standard_descriptors();
    const supe::program built_in{.roles = built_in_roles()};
    if (const auto ended = supe::run_role(argc, argv, {.roles = built_in.roles})) return *ended;
    target_tree where;
    command program{.name = "supe",
                    .help =
                        "Erlang-style supervision for operating-system processes: components "
                        "that crash are turned off and on again."};
    program.footer =
        "supe COMMAND --help tells more of each, with examples.\n"
        "Exit codes: 0 done, 1 failed, 2 bad usage or file, 3 no such tree or child, 4 timed out.";
    add_target_options(program, where);
    add_commands(program, built_in, where);
    return static_cast<int>(parse_and_perform(program, supe::full_version().c_str(), argc, argv));
}

}  // namespace components
