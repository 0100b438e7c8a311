// `supe start`, `stop`, `restart`, `remove`, `add`, `scale` and `reload`: what changes a running
// tree.
#include "components/command_line/commands.hpp"
#include "components/command_line/printing.hpp"
#include "components/command_line/target_tree.hpp"
#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>

namespace components {
namespace {

constexpr whole_numbers instance_numbers{1, 10000};
constexpr auto required = parameter::presence::required;
constexpr const char* address_help = "a child, by name or by address like /dam/queue";

struct administration_options {
    std::string address;
    std::string file;
    std::optional<unsigned> instances;
};

/// Reads the child here: its errors name the file, and its directory is relative to that.
exit_code add_child(const supe::program& program, const target_tree& where,
                    const std::string& supervisor, const std::string& file) {
    try {
        const supe::child_spec spec = supe::read_child_file(file, supe::role_names(program.roles));
        return where.ask_and_print(
            {{"do", "add"}, {"address", supervisor}, {"child", supe::to_json(spec)}});
    } catch (const supe::config_error& e) {
        print_problem(e.what());
        return exit_code::bad_usage;
    }
}

command administration_command(target_tree& where, const char* name, const char* help,
                               std::vector<parameter> arguments, const std::string& example) {
    command c{.name = name, .help = help, .group = "Change what runs"};
    c.parameters = std::move(arguments);
    add_target_options(c, where);
    c.footer = "Example:\n  supe " + example;
    return c;
}

/// `supe NAME ADDRESS`.
command command_on_child(target_tree& where, const char* name, const char* help) {
    auto address = std::make_shared<std::string>();
    command c = administration_command(
        where, name, help,
        {{.name = "ADDRESS", .into = address.get(), .help = address_help, .needed = required}},
        std::string(name) + " web");
    c.perform = [address, name, &where] {
        return where.ask_and_print({{"do", name}, {"address", *address}});
    };
    return c;
}

command add_command(const supe::program& program, target_tree& where) {
    auto options = std::make_shared<administration_options>();
    command c = administration_command(
        where, "add", "a new child for a running supervisor, as the last of its children",
        {{.name = "SUPERVISOR",
          .into = &options->address,
          .help = "its supervisor: / is the root",
          .needed = required},
         {.name = "CHILD.json",
          .into = &options->file,
          .help = "an object as in `children` of a tree file",
          .needed = required}},
        "add / worker.json");
    c.perform = [options, &program, &where] {
        return add_child(program, where, options->address, options->file);
    };
    return c;
}

command scale_command(target_tree& where) {
    auto options = std::make_shared<administration_options>();
    command c = administration_command(
        where, "scale", "so many instances of a child; those that stay are not touched",
        {{.name = "ADDRESS", .into = &options->address, .help = address_help, .needed = required},
         {.name = "N",
          .into = &options->instances,
          .help = "how many",
          .within = instance_numbers,
          .needed = required}},
        "scale worker 4");
    c.perform = [options, &where] {
        return where.ask_and_print({{"do", "scale"},
                                    {"address", options->address},
                                    {"instances", options->instances.value_or(1)}});
    };
    return c;
}

}  // namespace

std::vector<command> administration_commands(const supe::program& program, target_tree& where) {
    std::vector<command> all;
    all.push_back(
        command_on_child(where, "start", "start a child that is down; ends when it is up"));
    all.push_back(
        command_on_child(where, "stop", "stop a child and hold it down; ends when it is down"));
    all.push_back(
        command_on_child(where, "restart", "a new process for a child; ends when it is up"));
    all.push_back(command_on_child(where, "remove",
                                   "stop a child and take it out of the tree; mail that it leaves "
                                   "goes to the dead letters"));
    all.push_back(add_command(program, where));
    all.push_back(scale_command(where));
    command reload = administration_command(
        where, "reload",
        "read the tree file (or the relay's settings) again, and change only what differs; ends "
        "when it is done",
        {}, "reload");
    reload.perform = [&where] { return where.ask_and_print({{"do", "reload"}, {"address", "/"}}); };
    all.push_back(std::move(reload));
    return all;
}

}  // namespace components
