#include "components/command_line/command_line.hpp"

#include "components/command_line/completion.hpp"
#include "components/command_line/operator.hpp"
#include "components/command_line/status_text.hpp"
#include "components/command_line/target_tree.hpp"
#include "components/demo/demo.hpp"
#include "components/http/destination.hpp"
#include "components/relay/relay_tree.hpp"
#include "components/relay/roles.hpp"
#include "components/relay/state_warning.hpp"
#include "supe/run/run_tree.hpp"
#include "supe/tree/tree_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <filesystem>
#include <functional>

namespace components {
namespace {

constexpr int bad_usage = 2;

/// One clear line on stderr instead of an exception.
int with_plain_errors(const std::function<int()>& work) {
    try {
        return work();
    } catch (const std::exception& e) {
        fmt::print(stderr, "supe: {}\n", e.what());
        return bad_usage;
    }
}

/// What somebody who sees this for the first time wants to know.
void introduce_demo() {
    const std::string supe = std::filesystem::read_symlink("/proc/self/exe").string();
    fmt::print(stderr,
               "[supe] a demo: demo_sender posts batches of events, the relay keeps and delivers "
               "them, demo_app is slow and fails "
               "now and then\n[supe] in another terminal: {} status; then kill -9 any process of "
               "it: it comes back, and nothing "
               "is lost. Ctrl-C ends\n",
               supe);
}

void add_log_format(CLI::App& command, std::string& format) {
    command
        .add_option("--log-format", format,
                    "text: [NAME] line; json: an object a line with at, address, stream, line")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str();
}

supe::output_format format_of(const std::string& name) {
    return name == "json" ? supe::output_format::json : supe::output_format::text;
}

struct relay_options {
    relay_settings settings;
    std::string file;
    std::string retry_every = supe::print_duration(relay_settings().retry_every);
    std::string format = "text";
    bool print_tree = false;
};

/// By those who run it (Heroku); empty: none.
std::string port_given() {
    const char* port = std::getenv("PORT");
    return port ? port : "";
}

supe::milliseconds period_given(const std::string& text) {
    const auto period = supe::parse_duration(text);
    if (period && period->count() > 0) return *period;
    throw std::runtime_error(
        fmt::format("--retry-every: \"{}\" is not a duration like 30s, 5m, 1h", text));
}

/// The file's settings, where there is one, but for those that the command line gives.
relay_settings settled(const CLI::App& relay, const relay_options& options) {
    const relay_settings& given = options.settings;
    relay_settings settings;
    if (options.file.empty()) {
        settings = given;
    } else {
        read_relay_settings(options.file, settings);
    }
    if (relay.count("--to")) settings.to = given.to;
    if (relay.count("--listen") || !port_given().empty()) settings.listen = given.listen;
    if (relay.count("--connections")) settings.connections = given.connections;
    if (relay.count("--retry-every")) settings.retry_every = period_given(options.retry_every);
    if (relay.count("--state")) settings.state = given.state;
    settings.demo = given.demo;
    return settings;
}

supe::supervisor_spec checked_tree(const relay_settings& settings) {
    check(settings);
    return relay_tree(settings);
}

int run_relay(const CLI::App& relay, const relay_options& options, const target_tree& where) {
    relay_settings settings = settled(relay, options);
    if (settings.state.empty()) settings.state = where.state;
    if (settings.demo && settings.to.empty())
        settings.to = fmt::format("http://127.0.0.1:{}", free_demo_port());
    if (settings.demo && settings.retry_every == relay_settings().retry_every)
        settings.retry_every = std::chrono::seconds(5);  // nobody watches for 5 min
    supe::supervisor_spec tree = checked_tree(settings);
    if (options.print_tree) {
        fmt::print("{}\n", pretty(supe::to_json(tree)));
        return 0;
    }
    const auto state = state_directory(settings.state, tree.name);
    if (const std::string warning = state_warning(state); !warning.empty())
        fmt::print(stderr, "[supe] {}\n", warning);
    fmt::print(stderr,
               "[supe] webhooks to http://{} are kept in {} and delivered to {}, over at most {} "
               "connections\n",
               settings.listen, state.string(), settings.to, settings.connections);
    if (settings.demo) introduce_demo();
    supe::run_settings how{.state = state, .format = format_of(options.format)};
    if (!options.file.empty() && !settings.demo)
        how.read_again = [&] { return checked_tree(settled(relay, options)); };
    return supe::run_tree(std::move(tree), std::move(how));
}

void add_relay(CLI::App& app, std::shared_ptr<target_tree> where, int& exit_code) {
    auto* relay = app.add_subcommand("relay", "the webhook relay, in the foreground")->group("Run");
    auto options = std::make_shared<relay_options>();
    relay_settings& settings = options->settings;
    if (!port_given().empty()) settings.listen = "0.0.0.0:" + port_given();
    relay
        ->add_option("CONFIG.json", options->file,
                     "an object with the settings below (to, listen, connections, …)")
        ->type_name("");
    relay->add_option("--to", settings.to, "your app; the path of each webhook is appended")
        ->type_name("URL");
    relay->add_option("--listen", settings.listen, "where webhooks come in")
        ->type_name("ADDR:PORT")
        ->capture_default_str();
    relay
        ->add_option(
            "--connections", settings.connections,
            fmt::format("never more than so many to your app, from 1 to {}", most_connections))
        ->type_name("N")
        ->check(CLI::Range(1u, most_connections).description(""))
        ->capture_default_str();
    relay->add_option("--retry-every", options->retry_every, "how often what failed is tried again")
        ->type_name("TIME")
        ->capture_default_str();
    relay->add_option("--state", settings.state, "directory for what must outlive the relay")
        ->type_name("DIR");
    add_log_format(*relay, options->format);
    relay->add_flag("--demo", settings.demo,
                    "with a small app behind it that is slow and fails now and then, and a sender");
    relay->add_flag("--print-tree", options->print_tree,
                    "print the tree file and end; `supe run` of it is the same relay");
    relay->footer(
        "SIGTERM or Ctrl-C: ordered stop; a second one: kill now. SIGHUP: read CONFIG.json again, "
        "and change only what differs.\n\n"
        "Examples:\n  supe relay --to http://localhost:3000 --connections 5\n"
        "  supe relay --demo\n  supe relay --to https://app.example.com/hooks --print-tree > "
        "relay.json");
    relay->callback([=, &exit_code] {
        exit_code = with_plain_errors([&] { return run_relay(*relay, *options, *where); });
    });
}

struct run_options {
    std::string file;
    std::string state;
    std::string format = "text";
};

int run_file(const run_options& options, const target_tree& where) {
    supe::supervisor_spec tree = supe::read_tree_file(options.file, role_names());
    supe::run_settings settings;
    settings.state =
        state_directory(options.state.empty() ? where.state : options.state, tree.name);
    settings.format = format_of(options.format);
    settings.read_again = [file = std::filesystem::absolute(options.file)] {
        return supe::read_tree_file(file, role_names());
    };
    return supe::run_tree(std::move(tree), std::move(settings));
}

void add_run(CLI::App& app, std::shared_ptr<target_tree> where, int& exit_code) {
    auto options = std::make_shared<run_options>();
    auto* run = app.add_subcommand("run", "run any tree, in the foreground");
    run->group("Run");
    run->add_option("TREE.json", options->file,
                    "the tree file; comments and trailing commas are allowed")
        ->required()
        ->type_name("");
    run->add_option("--state", options->state, "directory for what must outlive the tree")
        ->type_name("DIR");
    add_log_format(*run, options->format);
    run->footer(
        "SIGTERM or Ctrl-C: ordered stop; a second one: kill now. SIGHUP: read the tree file "
        "again, and change only what\n"
        "differs. Exit codes: 0 clean stop, 1 the root failed, 2 what it needs at start cannot be "
        "had.\n\n"
        "Examples:\n  supe run shop.json\n  supe run shop.json --state /var/lib/shop --log-format "
        "json");
    run->callback([=, &exit_code] {
        exit_code = with_plain_errors([&] { return run_file(*options, *where); });
    });
}

void add_check(CLI::App& app, int& exit_code) {
    auto file = std::make_shared<std::string>();
    auto* check_file = app.add_subcommand("check", "validate a tree file, nothing else");
    check_file->group("Run");
    check_file->add_option("TREE.json", *file, "the tree file")->required()->type_name("");
    check_file->footer(
        "What is wrong is told as FILE:LINE:COLUMN, with the choices there are; exit code 2.\n\n"
        "Example:\n  supe check shop.json");
    check_file->callback([=, &exit_code] {
        exit_code = with_plain_errors([&] {
            supe::read_tree_file(*file, role_names());
            fmt::print("{}: ok\n", *file);
            return 0;
        });
    });
}

void add_completion(CLI::App& app, int& exit_code) {
    auto shell = std::make_shared<std::string>();
    auto* completion = app.add_subcommand(
        "completion", "print a script that completes this command line in a shell");
    completion->group("Run");
    completion->add_option("SHELL", *shell, "for which shell")
        ->required()
        ->type_name("")
        ->check(CLI::IsMember({"bash", "zsh"}));
    completion->footer(
        "Examples, in ~/.bashrc, and in ~/.zshrc below compinit:\n  eval \"$(supe completion "
        "bash)\"\n"
        "  eval \"$(supe completion zsh)\"");
    completion->callback([=, &app, &exit_code] {
        fmt::print("{}", *shell == "bash" ? bash_completion(app) : zsh_completion(app));
        exit_code = 0;
    });
}

/// The first word that is no option: what should be the name of a command.
std::string typed_command(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--state" || word == "--tree") {
            ++i;
        } else if (!word.starts_with('-')) {
            return word;
        }
    }
    return {};
}

/// What the library found wrong, in one line that begins and ends as ours do.
std::string usage_error(const CLI::App* app, const CLI::Error& e) {
    std::string command = app->get_name();
    for (; !app->get_subcommands().empty(); command += " " + app->get_name())
        app = app->get_subcommands().front();
    std::string what = e.what();
    if (what.starts_with("A subcommand")) what = "a command is missing";
    if (what.starts_with("The ")) what.front() = 't';
    return fmt::format("supe: {}; {} --help tells more\n", what, command);
}

/// Files that we open must never become descriptor 0, 1 or 2: what is printed would end up in them.
void hold_standard_descriptors() {
    for (int fd = ::open("/dev/null", O_RDWR); fd >= 0; fd = ::open("/dev/null", O_RDWR)) {
        if (fd <= 2) continue;
        ::close(fd);
        return;
    }
}

}  // namespace

int run_command_line(int argc, char** argv) {
    hold_standard_descriptors();
    if (const auto ended = supe::run_role(argc, argv, {.roles = built_in_roles()})) return *ended;
    CLI::App app(
        "Erlang's way of failing, for real processes: components that crash are turned off and on "
        "again.",
        "supe");
    app.require_subcommand(1);
    app.failure_message(usage_error);
    app.get_formatter()->label("SUBCOMMAND", "COMMAND");
    app.set_version_flag("--version", std::string("supe 1.0.0"));
    app.footer(
        "supe COMMAND --help tells more of each, with examples.\n"
        "Exit codes: 0 done, 1 failed, 2 bad usage or file, 3 no such tree or child, 4 timed out.");
    int exit_code = 0;
    auto where = std::make_shared<target_tree>();
    add_target_options(app, where);
    add_relay(app, where, exit_code);
    add_run(app, where, exit_code);
    add_check(app, exit_code);
    add_completion(app, exit_code);
    add_operator_commands(app, where, exit_code);
    const std::string typed = typed_command(argc, argv);
    if (!typed.empty() &&
        app.get_subcommands([&](CLI::App* c) { return c->get_name() == typed; }).empty()) {
        const std::string near = nearest_command(app, typed);
        fmt::print(stderr, "supe: \"{}\" is no command{}; supe --help lists them\n", typed,
                   near.empty() ? "" : fmt::format(", did you mean {}?", near));
        return bad_usage;
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : bad_usage;
    }
    return exit_code;
}

}  // namespace components
