#include "components/command_line.hpp"

#include "components/demo.hpp"
#include "components/operator_commands.hpp"
#include "components/relay.hpp"
#include "components/roles.hpp"
#include "components/tree_runner.hpp"
#include "supe/supervision/tree_file.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <fmt/format.h>
#include <functional>

namespace components {
namespace {

constexpr int bad_usage = 2;

/// One clear line on stderr instead of an exception.
int told_plainly(const std::function<int()>& work) {
    try {
        return work();
    } catch (const std::exception& e) {
        fmt::print(stderr, "supe: {}\n", e.what());
        return bad_usage;
    }
}

int run_relay(relay_settings settings, bool print_tree) {
    if (settings.demo && settings.to.empty()) settings.to = fmt::format("http://127.0.0.1:{}", free_demo_port());
    check(settings);
    supe::supervisor_spec tree = relay_tree(settings);
    if (print_tree) {
        fmt::print("{}\n", pretty(supe::to_json(tree)));
        return 0;
    }
    const auto state = state_directory(settings.state, tree.name);
    if (const std::string warning = state_warning(state); !warning.empty()) fmt::print(stderr, "[supe] {}\n", warning);
    fmt::print(stderr, "[supe] webhooks to http://{} are kept in {} and delivered to {}, over at most {} connections\n",
               settings.listen, state.string(), settings.to, settings.connections);
    return run_tree(std::move(tree), state);
}

void add_relay(CLI::App& app, int& exit_code) {
    auto* relay = app.add_subcommand("relay", "the webhook relay, in the foreground");
    auto settings = std::make_shared<relay_settings>();
    auto file = std::make_shared<std::string>();
    auto print_tree = std::make_shared<bool>(false);
    if (const char* port = std::getenv("PORT"); port && *port) settings->listen = fmt::format("0.0.0.0:{}", port);
    relay->add_option("config", *file, "CONFIG.json: an object with the settings below (to, listen, connections, …)");
    relay->add_option("--to", settings->to, "URL of your app; the path of each webhook is appended");
    relay->add_option("--listen", settings->listen, "where webhooks come in")->capture_default_str();
    relay->add_option("--connections", settings->connections, "never more than so many to your app")->capture_default_str();
    relay->add_option("--retry-every", settings->retry_every, "how often what failed is tried again")->capture_default_str();
    relay->add_option("--state", settings->state, "directory for what must outlive the relay");
    relay->add_flag("--demo", settings->demo, "with a small app behind it that is slow and fails now and then, and a sender");
    relay->add_flag("--print-tree", *print_tree, "print the tree file and end; `supe run` of it is the same relay");
    relay->footer("Examples:\n  supe relay --to http://localhost:3000 --connections 5\n"
                  "  supe relay --demo\n  supe relay --to https://app.example.com/hooks --print-tree > relay.json");
    relay->callback([=, &exit_code] {
        // Options beat the file, so the file is read into what the options left at their defaults.
        relay_settings given = *settings;
        exit_code = told_plainly([&] {
            if (!file->empty()) {
                relay_settings from_file;
                read_relay_settings(*file, from_file);
                if (relay->count("--to")) from_file.to = given.to;
                if (relay->count("--listen") || std::getenv("PORT")) from_file.listen = given.listen;
                if (relay->count("--connections")) from_file.connections = given.connections;
                if (relay->count("--retry-every")) from_file.retry_every = given.retry_every;
                if (relay->count("--state")) from_file.state = given.state;
                from_file.demo = given.demo;
                given = from_file;
            }
            return run_relay(given, *print_tree);
        });
    });
}

void add_trees(CLI::App& app, int& exit_code) {
    auto file = std::make_shared<std::string>();
    auto state = std::make_shared<std::string>();
    auto* run = app.add_subcommand("run", "run any tree, in the foreground");
    run->add_option("tree", *file, "TREE.json")->required();
    run->add_option("--state", *state, "directory for what must outlive the tree");
    run->footer("Example:\n  supe run shop.json\n\nSIGTERM or Ctrl-C: ordered stop; a second one: kill now.");
    run->callback([=, &exit_code] {
        exit_code = told_plainly([&] {
            supe::supervisor_spec tree = supe::read_tree_file(*file);
            const auto directory = state_directory(*state, tree.name);
            return run_tree(std::move(tree), directory);
        });
    });
    auto* check_file = app.add_subcommand("check", "validate a tree file, nothing else");
    check_file->add_option("tree", *file, "TREE.json")->required();
    check_file->callback([=, &exit_code] {
        exit_code = told_plainly([&] {
            supe::read_tree_file(*file);
            return 0;
        });
    });
    auto role = std::make_shared<std::string>();
    auto* component = app.add_subcommand("component", "")->group("");  // what supervisors start
    component->add_option("role", *role)->required();
    component->callback([=, &exit_code] { exit_code = run_role(*role); });
}

}  // namespace

int run_command_line(int argc, char** argv) {
    CLI::App app("Erlang's way of failing, for real processes: components that crash are turned off and on again.", "supe");
    app.require_subcommand(1);
    app.set_version_flag("--version", std::string("supe 1.0.0"));
    app.footer("supe COMMAND --help tells more of each.");
    int exit_code = 0;
    add_relay(app, exit_code);
    add_trees(app, exit_code);
    add_operator_commands(app, exit_code);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : bad_usage;
    }
    return exit_code;
}

}  // namespace components
