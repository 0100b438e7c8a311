#include "components/command_line/operator.hpp"

#include "components/command_line/status_text.hpp"
#include "components/command_line/target_tree.hpp"
#include "components/relay/roles.hpp"
#include "supe/control/commands.hpp"
#include "supe/output/terminal_sink.hpp"
#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>

namespace components {
namespace {

namespace json = boost::json;
using supe::control::result;

/// A nested supervisor that did not answer: what is known was shown, and the rest is a failure all
/// the same.
int silence(const json::value& node) {
    const auto silent = silent_ones(node);
    if (silent.empty()) return 0;
    fmt::print(stderr, "supe: {} {} not answer: what runs below is not known\n",
               fmt::join(silent, ", "), silent.size() == 1 ? "does" : "do");
    return static_cast<int>(result::timed_out);
}

int show_status(const target_tree& where, const std::string& address, bool as_json, bool drawn) {
    json::value node;
    if (const int code = where.ask({{"do", "status"}, {"address", address}}, &node); code != 0)
        return code;
    const bool colour = in_colour(STDOUT_FILENO);
    fmt::print("{}", as_json ? json::serialize(node) + "\n"
                     : drawn ? status_drawing(node, colour)
                             : status_table(node, colour));
    return silence(node);
}

CLI::App* order(CLI::App& app, const std::string& what, const std::string& help,
                const std::string& example) {
    auto* command = app.add_subcommand(what, help);
    command->group("Change what runs");
    command->footer("Example:\n  supe " + example);
    return command;
}

/// Reads the child here: its errors name the file, and its directory is relative to that.
int add_child(const target_tree& where, const std::string& supervisor, const std::string& file) {
    try {
        const supe::child_spec spec = supe::read_child_file(file, role_names());
        return where.order(
            {{"do", "add"}, {"address", supervisor}, {"child", supe::to_json(spec)}});
    } catch (const supe::config_error& e) {
        fmt::print(stderr, "supe: {}\n", e.what());
        return static_cast<int>(result::bad_request);
    }
}

}  // namespace

bool in_colour(int fd) { return supe::wants_colour(fd); }

void add_target_options(CLI::App& command, const std::shared_ptr<target_tree>& where) {
    command.add_option("--state", where->state, "the tree on this state directory")
        ->type_name("DIR")
        ->group("Which tree");
    command
        .add_option("--tree", where->tree, "the tree of this name; not needed where only one runs")
        ->type_name("NAME")
        ->group("Which tree");
}

void add_looking(CLI::App& app, std::shared_ptr<target_tree> where, int& exit_code) {
    auto name = std::make_shared<std::string>("/");
    auto as_json = std::make_shared<bool>(false);
    auto* status = app.add_subcommand(
        "status", "what runs, as a table; of one child also how it ended so far");
    status->group("Look");
    status->add_option("NAME", *name, "a child, by name or address (default: all)")->type_name("");
    status->add_flag("--json", *as_json, "one JSON object, the root, its children nested alike");
    status->footer(
        "States: starting running stopping stopped backing_off given_up idle\n\n"
        "Examples:\n  supe status\n  supe status web\n  supe status /dam/queue --json");
    status->callback([=, &exit_code] { exit_code = show_status(*where, *name, *as_json, false); });
    auto* tree = app.add_subcommand("tree", "what runs, drawn as a tree");
    tree->group("Look");
    tree->add_option("NAME", *name,
                     "a child, by name or address, and what lies below it (default: all)")
        ->type_name("");
    tree->footer("Example:\n  supe tree");
    tree->callback([=, &exit_code] { exit_code = show_status(*where, *name, false, true); });
}

void add_administration(CLI::App& app, std::shared_ptr<target_tree> where, int& exit_code) {
    const std::string address_help = "a child, by name or by address like /dam/queue";
    auto address = std::make_shared<std::string>();
    auto file = std::make_shared<std::string>();
    auto count = std::make_shared<unsigned>(1);
    const std::pair<const char*, const char*> plain[] = {
        {"start", "start a child that is down; ends when it is up"},
        {"stop", "stop a child and hold it down; ends when it is down"},
        {"restart", "a new process for a child; ends when it is up"},
        {"remove",
         "stop a child and take it out of the tree; mail that it leaves goes to the dead letters"}};
    for (const auto& [what, help] : plain) {
        auto* command = order(app, what, help, std::string(what) + " web");
        command->add_option("ADDRESS", *address, address_help)->required()->type_name("");
        command->callback([=, what = std::string(what), &exit_code] {
            exit_code = where->order({{"do", what}, {"address", *address}});
        });
    }
    auto* add =
        order(app, "add", "a new child for a running supervisor, as the last of its children",
              "add / worker.json");
    add->add_option("SUPERVISOR", *address, "its supervisor: / is the root")
        ->required()
        ->type_name("");
    add->add_option("CHILD.json", *file, "an object as in `children` of a tree file")
        ->required()
        ->type_name("");
    add->callback([=, &exit_code] { exit_code = add_child(*where, *address, *file); });
    auto* scale =
        order(app, "scale", "so many instances of a child; those that stay are not touched",
              "scale worker 4");
    scale->add_option("ADDRESS", *address, address_help)->required()->type_name("");
    scale->add_option("N", *count, "how many, from 1 to 10000")
        ->required()
        ->type_name("")
        ->check(CLI::Range(1u, 10000u).description(""));
    scale->callback([=, &exit_code] {
        exit_code = where->order({{"do", "scale"}, {"address", *address}, {"instances", *count}});
    });
}

void add_operator_commands(CLI::App& app, std::shared_ptr<target_tree> where, int& exit_code) {
    add_looking(app, where, exit_code);
    add_logs(app, where, exit_code);
    add_notices(app, where, exit_code);
    add_administration(app, where, exit_code);
    add_mail(app, where, exit_code);
    add_dead(app, where, exit_code);
    for (CLI::App* command :
         app.get_subcommands([](CLI::App* c) { return c->get_group() != "Run"; }))
        add_target_options(*command, where);
}

}  // namespace components
