#include "components/command_line/command_line.hpp"

#include "components/command_line/commands.hpp"
#include "components/command_line/parser.hpp"
#include "components/command_line/target_tree.hpp"
#include "components/relay/roles.hpp"
#include "supe/run/run_tree.hpp"
#include "supe/run/version.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace components {
namespace {

/// Files that we open must never become descriptor 0, 1 or 2: what is printed would end up in them.
void hold_standard_descriptors() {
    for (int fd = ::open("/dev/null", O_RDWR); fd >= 0; fd = ::open("/dev/null", O_RDWR)) {
        if (fd <= 2) continue;
        ::close(fd);
        return;
    }
}

void add_commands(command& program, target_tree& where) {
    std::vector<command>& all = program.commands;
    all.push_back(relay_command(where));
    all.push_back(run_command(where));
    all.push_back(check_command());
    all.push_back(chaos_command());
    all.push_back(new_command());
    all.push_back(completion_command(program));
    all.push_back(status_command(where));
    all.push_back(tree_command(where));
    all.push_back(logs_command(where));
    all.push_back(notices_command(where));
    all.push_back(doctor_command(where));
    all.push_back(conformance_command());
    for (command& c : administration_commands(where)) all.push_back(std::move(c));
    all.push_back(mail_command(where));
    all.push_back(dead_command(where));
    all.push_back(webhooks_command(where));
}

}  // namespace

int run_command_line(int argc, char** argv) {
    hold_standard_descriptors();
    if (const auto ended = supe::run_role(argc, argv, {.roles = built_in_roles()})) return *ended;
    target_tree where;
    command program{.name = "supe",
                    .help =
                        "Erlang-style supervision for operating-system processes: components "
                        "that crash are turned off and on again."};
    program.footer =
        "supe COMMAND --help tells more of each, with examples.\n"
        "Exit codes: 0 done, 1 failed, 2 bad usage or file, 3 no such tree or child, 4 timed out.";
    add_target_options(program, where);
    add_commands(program, where);
    const std::string full_name = std::string("supe ") + supe::version;
    return static_cast<int>(parse_and_perform(program, full_name.c_str(), argc, argv));
}

}  // namespace components
