#include "components/command_line/own_program.hpp"

#include "components/command_line/commands.hpp"
#include "components/command_line/parser.hpp"
#include "components/command_line/printing.hpp"
#include "components/command_line/target_tree.hpp"
#include "supe/run/version.hpp"
#include "supe/tree/tree_file.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <boost/algorithm/string/replace.hpp>
#include <filesystem>

namespace components {

void hold_standard_descriptors() {
    for (int fd = ::open("/dev/null", O_RDWR); fd >= 0; fd = ::open("/dev/null", O_RDWR)) {
        if (fd <= 2) continue;
        ::close(fd);
        return;
    }
}

namespace {

/// What says or changes something of any tree.
std::vector<command> tree_commands(const supe::program& program, target_tree& where) {
    std::vector<command> all;
    all.push_back(run_command(program, where));
    all.push_back(check_command(program));
    all.push_back(status_command(where));
    all.push_back(tree_command(where));
    all.push_back(logs_command(where));
    all.push_back(notices_command(where));
    for (command& c : administration_commands(program, where)) all.push_back(std::move(c));
    all.push_back(mail_command(where));
    all.push_back(dead_command(where));
    return all;
}

/// The examples in the help are commands of this program.
void rename_examples(command& c, const std::string& name) {
    boost::replace_all(c.footer, "  supe ", "  " + name + " ");
    boost::replace_all(c.footer, "| supe ", "| " + name + " ");
    for (command& below : c.commands) rename_examples(below, name);
}

/// A tree that cannot be read is a fault of the program, which each of its commands says.
std::string name_of_tree(const supe::program& program) {
    if (program.tree.empty()) return {};
    return supe::parse_tree(program.tree, "the tree of this program", ".",
                            supe::role_names(program.roles))
        .name;
}

int run_own(int argc, char** argv, const supe::program& own) {
    hold_standard_descriptors();
    if (const auto ended = supe::run_role(argc, argv, {.code = own.code, .roles = own.roles}))
        return *ended;
    const std::string name =
        argc > 0 ? std::filesystem::path(argv[0]).filename().string() : std::string("program");
    target_tree where;
    where.otherwise = name_of_tree(own);
    command all{.name = name.c_str(), .help = "a tree of processes that supe supervises"};
    all.footer = name + " COMMAND --help tells more of each, with examples.";
    add_target_options(all, where);
    all.commands = tree_commands(own, where);
    for (command& c : all.commands) rename_examples(c, name);
    return static_cast<int>(parse_and_perform(all, supe::full_version().c_str(), argc, argv));
}

}  // namespace
}  // namespace components

int supe::main(int argc, char** argv, program what) {
    try {
        return components::run_own(argc, argv, what);
    } catch (const std::exception& e) {
        components::print_problem(e.what());
        return static_cast<int>(components::exit_code::bad_usage);
    }
}
