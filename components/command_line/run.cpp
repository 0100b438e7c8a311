// `supe run`, `check` and `completion`.
#include "components/command_line/commands.hpp"
#include "components/command_line/completion.hpp"
#include "components/command_line/foreground.hpp"
#include "components/command_line/printing.hpp"
#include "components/command_line/target_tree.hpp"
#include "supe/supervision/tree_warnings.hpp"
#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>

namespace components {
namespace {

struct run_options {
    std::string file;
    std::string state;
    std::string format = "text";
    bool time = false;
};

/// The file, or the tree of the program itself.
supe::supervisor_spec tree_of(const supe::program& program, const std::string& file,
                              supe::tree_use use) {
    const auto roles = supe::role_names(program.roles);
    if (!file.empty()) return supe::read_tree_file(file, roles, use);
    return supe::parse_tree(program.tree, "the tree of this program",
                            std::filesystem::current_path(), roles, use);
}

exit_code run_file(const supe::program& program, const run_options& options,
                   const target_tree& where) {
    supe::supervisor_spec tree = tree_of(program, options.file, supe::tree_use::here);
    foreground_settings settings{
        .state = state_directory(options.state.empty() ? where.state : options.state, tree.name),
        .log_format = options.format,
        .time = options.time};
    if (!options.file.empty()) {
        settings.tree_file = supe::own_file(options.file);
        settings.read_again = supe::tree_file_again(options.file, supe::role_names(program.roles));
    }
    settings.warns = true;
    settings.code = program.code;
    return run_in_foreground(std::move(tree), std::move(settings));
}

exit_code check_file(const supe::program& program, const std::string& file) {
    const supe::supervisor_spec tree = tree_of(program, file, supe::tree_use::anywhere);
    const std::string shown = file.empty() ? "the tree of this program" : file;
    for (const std::string& line : supe::warnings_of(tree))
        print_note(fmt::format("{}: warning: {}", shown, line));
    print_line(shown + ": ok");
    return exit_code::done;
}

/// A program with a tree of its own runs that where no file is named.
parameter::presence file_needed(const supe::program& program) {
    return program.tree.empty() ? parameter::presence::required : parameter::presence::optional;
}

exit_code print_completion(const command& program, const std::string& shell) {
    fmt::print("{}", shell == "bash" ? bash_completion(program) : zsh_completion(program));
    return exit_code::done;
}

}  // namespace

command run_command(const supe::program& program, const target_tree& where) {
    auto options = std::make_shared<run_options>();
    command c{.name = "run", .help = "run any tree, in the foreground", .group = "Run"};
    c.parameters = {{.name = "TREE.json",
                     .into = &options->file,
                     .help = "the tree file, or - for stdin; comments and trailing commas are "
                             "allowed",
                     .needed = file_needed(program)},
                    {.name = "--state",
                     .into = &options->state,
                     .help = "directory for what must outlive the tree",
                     .placeholder = "DIR"},
                    log_format_option(options->format),
                    time_option(options->time)};
    c.footer =
        "SIGTERM or Ctrl-C: ordered stop; a second one: kill now. SIGHUP: read the tree file "
        "again, and change only what\n"
        "differs. Exit codes: 0 clean stop, 1 the root failed, 2 what it needs at start cannot be "
        "had.\n\n"
        "Examples:\n  supe run shop.json\n  supe run shop.json --state /var/lib/shop --log-format "
        "json\n  ./generate | supe run - --time";
    c.perform = [options, &program, &where] { return run_file(program, *options, where); };
    return c;
}

command check_command(const supe::program& program) {
    auto file = std::make_shared<std::string>();
    command c{.name = "check", .help = "validate a tree file, nothing else", .group = "Run"};
    c.parameters = {{.name = "TREE.json",
                     .into = file.get(),
                     .help = "the tree file, or - for stdin",
                     .needed = file_needed(program)}};
    c.footer =
        "An error begins with FILE:LINE:COLUMN and names the choices there are; exit code 2. A "
        "warning names the child\nand what may not be meant: limits that can never be passed, "
        "directories that are not there; exit code 0.\n\n"
        "Example:\n  supe check shop.json";
    c.perform = [file, &program] { return check_file(program, *file); };
    return c;
}

command completion_command(const command& program) {
    auto shell = std::make_shared<std::string>();
    command c{.name = "completion",
              .help = "print a script that completes this command line in a shell",
              .group = "Run"};
    c.parameters = {{.name = "SHELL",
                     .into = shell.get(),
                     .help = "for which shell",
                     .choices = "bash,zsh",
                     .needed = parameter::presence::required}};
    c.footer =
        "Examples, in ~/.bashrc, and in ~/.zshrc below compinit:\n  eval \"$(supe completion "
        "bash)\"\n"
        "  eval \"$(supe completion zsh)\"";
    c.perform = [shell, &program] { return print_completion(program, *shell); };
    return c;
}

}  // namespace components
