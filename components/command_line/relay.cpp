// `supe relay`: its options, its settings file, its demo.
#include "components/command_line/commands.hpp"
#include "components/command_line/foreground.hpp"
#include "components/command_line/printing.hpp"
#include "components/command_line/status_text.hpp"
#include "components/command_line/target_tree.hpp"
#include "components/demo/demo.hpp"
#include "components/http/destination.hpp"
#include "components/queue/ledger.hpp"
#include "components/relay/relay_tree.hpp"
#include "components/relay/state_warning.hpp"
#include "components/verification/provider_table.hpp"
#include "supe/process/listening_sockets.hpp"
#include "supe/text/config.hpp"
#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace components {
namespace {

struct relay_options {
    std::string file;
    std::optional<std::string> to, listen, certificate, key, retry_every, state, admin;
    std::optional<unsigned> connections;
    std::string format = "text";
    bool time = false;
    bool demo = false;
    bool print_tree = false;
    bool check_ledger = false;
    bool providers = false;
};

/// Where webhooks come in when nothing says it: $PORT is set by those who run it (Heroku).
std::string usual_listen() {
    const char* port = std::getenv("PORT");
    return port && *port ? "0.0.0.0:" + std::string(port) : relay_listener().address;
}

supe::milliseconds period_given(const std::string& text) {
    const auto period = supe::parse_duration(text);
    if (period && period->count() > 0) return *period;
    throw std::runtime_error(
        fmt::format("--retry-every: \"{}\" is not a duration like 30s, 5m, 1h", text));
}

/// `--to` and `--connections` say of one route what a file with names says of each.
void expect_one_route(const relay_options& given, const relay_settings& s) {
    if (!s.named_routes || (!given.to && !given.connections)) return;
    throw std::runtime_error(fmt::format("{}: {} has routes, each with its own `{}`",
                                         given.to ? "--to" : "--connections", given.file,
                                         given.to ? "to" : "connections"));
}

/// `--certificate` and `--key` are of the address that the command line gives.
std::optional<tls_files> files_given(const relay_options& given, bool has_address) {
    if (!given.certificate && !given.key) return std::nullopt;
    if (!given.certificate || !given.key)
        throw std::runtime_error(fmt::format("{} is missing: TLS needs --certificate and --key",
                                             given.key ? "--certificate" : "--key"));
    if (!has_address)
        throw std::runtime_error(
            fmt::format("--certificate: needs --listen: {} says of its own addresses which of them "
                        "speak TLS",
                        given.file));
    return checked_files(std::filesystem::current_path(), *given.certificate, *given.key);
}

/// The file's settings, where there is one, but for those that the command line gives.
relay_settings settings_of(const relay_options& given,
                           supe::source_read when = supe::source_read::first) {
    relay_settings s;
    if (!given.file.empty()) read_relay_settings(given.file, s, when);
    expect_one_route(given, s);
    const bool has_address =
        given.listen || given.file.empty() || usual_listen() != relay_listener().address;
    const auto tls = files_given(given, has_address);
    if (has_address) s.listen = {relay_listener{given.listen.value_or(usual_listen()), tls}};
    if (given.to) s.only_route().to = *given.to;
    if (given.connections) s.only_route().connections = *given.connections;
    if (given.retry_every) s.retry_every = period_given(*given.retry_every);
    if (given.state) s.state = *given.state;
    if (given.admin && !s.admin) s.admin.emplace();
    if (given.admin) s.admin->address = *given.admin;
    s.demo = given.demo;
    return s;
}

supe::supervisor_spec checked_tree(const relay_settings& settings) {
    check(settings);
    return relay_tree(settings);
}

/// The addresses on which the relay listens.
struct relay_addresses {
    explicit relay_addresses(const relay_settings& s) {
        for (const relay_listener& one : s.listen) listen.push_back(one.address);
        if (s.admin) admin.push_back(s.admin->address);
    }
    std::vector<std::string> listen, admin;
};

bool is_among(const std::vector<std::string>& all, const supe::listen_address& one) {
    return std::ranges::find(all, one, supe::parse_listen_address) != all.end();
}

/// The supervisor has the socket already, or has the port on another address and gives that up.
bool is_had(const std::string& address, const std::vector<std::string>& now,
            const std::vector<std::string>& before) {
    const supe::listen_address wanted = supe::parse_listen_address(address);
    return is_among(before, wanted) || std::ranges::any_of(before, [&](const std::string& text) {
               const supe::listen_address own = supe::parse_listen_address(text);
               return own.overlaps(wanted) && !is_among(now, own);
           });
}

void expect_free(const std::vector<std::string>& now, const std::vector<std::string>& before) {
    for (const std::string& address : now) {
        if (is_had(address, now, before)) continue;
        const supe::listening_sockets_of_child can_be_opened({address}, "/");
    }
}

/// A reload changes all or nothing: the addresses that it adds must be free before it begins. One
/// that moves between `listen` and `admin` is not: two supervisors hold them.
void expect_free(const relay_addresses& now, const relay_addresses& before) {
    expect_free(now.listen, before.listen);
    expect_free(now.admin, before.admin);
}

/// `--state` and the file's `state`; else what `supe --state` says, or the usual place.
std::filesystem::path state_of(const relay_settings& s, const target_tree& where) {
    return state_directory(s.state.empty() ? where.state : s.state,
                           s.demo ? "relay-demo" : "relay");
}

/// Its files are open, and a queue does not move.
void expect_same_state(const std::filesystem::path& now, const std::filesystem::path& used) {
    std::error_code is_missing;  // then it is another one
    if (now != used && !std::filesystem::equivalent(now, used, is_missing))
        throw std::runtime_error(fmt::format(
            "state: \"{}\" holds only from a start: the webhooks of this relay are in {}",
            now.string(), used.string()));
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

void complete_demo(relay_settings& settings) {
    std::string& to = settings.only_route().to;
    if (to.empty()) to = fmt::format("http://127.0.0.1:{}", free_demo_port());
    if (!settings.retry_every)
        settings.retry_every = std::chrono::seconds(5);  // nobody watches for long
}

/// What comes from where, and where it goes.
void introduce(const relay_settings& settings, const std::filesystem::path& state) {
    for (const relay_route& route : settings.routes) {
        const std::string path = route.path == "/" ? "" : route.path;
        std::vector<std::string> urls;
        for (const relay_listener& one : settings.listen) urls.push_back(one.url() + path);
        print_note(
            fmt::format("[supe] webhooks to {}{} are kept in {} and delivered to {}, over at "
                        "most {} connections",
                        fmt::join(urls, ", "), route.host.empty() ? "" : " for " + route.host,
                        state.string(), route.to, route.connections));
    }
    if (settings.admin)
        print_note(fmt::format("[supe] /livez, /readyz and /metrics are at http://{}",
                               settings.admin->address));
}

/// A line for each route; a difference is a failure.
exit_code print_ledger(const std::filesystem::path& state) {
    exit_code code = exit_code::done;
    try {
        for (const ledger_line& line : check_ledger(state / "queue.db")) {
            fmt::print("{}\n", line.text());
            if (!line.is_right()) code = exit_code::failed;
        }
    } catch (const supe::sqlite_error& e) {
        print_problem(e.what());
        code = exit_code::failed;
    }
    return code;
}

exit_code run_relay(const relay_options& options, const target_tree& where) {
    if (options.providers) {
        fmt::print("{}", printed_table());
        return exit_code::done;
    }
    relay_settings settings = settings_of(options);
    const std::filesystem::path state = state_of(settings, where);
    if (options.check_ledger) return print_ledger(state);
    if (settings.demo) complete_demo(settings);
    supe::supervisor_spec tree = checked_tree(settings);
    if (options.print_tree) {
        fmt::print("{}\n", pretty(supe::to_json(tree)));
        return exit_code::done;
    }
    if (const std::string warning = state_warning(state); !warning.empty())
        print_note("[supe] " + warning);
    expect_free(relay_addresses(settings).admin, {});  // else dam would fail, later
    introduce(settings, state);
    if (settings.demo) introduce_demo();
    foreground_settings how{.state = state,
                            .log_format = options.format,
                            .tree_file = supe::own_file(options.file),
                            .time = options.time};
    if (!options.file.empty() && !settings.demo)
        how.read_again = [&options, &where, state, open = relay_addresses(settings)]() mutable {
            const relay_settings now = settings_of(options, supe::source_read::again);
            supe::supervisor_spec changed = checked_tree(now);
            expect_same_state(state_of(now, where), state);
            expect_free(relay_addresses(now), open);
            open = relay_addresses(now);
            return changed;
        };
    return run_in_foreground(std::move(tree), std::move(how));
}

std::vector<parameter> parameters_of(relay_options& options) {
    const relay_settings usual;
    return {
        {.name = "CONFIG.json",
         .into = &options.file,
         .help = "an object with the settings below (to, listen, connections, …), or with routes"},
        {.name = "--to",
         .into = &options.to,
         .help = "your app; the path of each webhook is appended",
         .placeholder = "URL"},
        {.name = "--listen",
         .into = &options.listen,
         .help = "where webhooks come in",
         .placeholder = "ADDR:PORT",
         .otherwise = usual_listen()},
        {.name = "--certificate",
         .into = &options.certificate,
         .help = "webhooks come in over TLS, with this certificate (PEM; read again when replaced)",
         .placeholder = "FILE"},
        {.name = "--key",
         .into = &options.key,
         .help = "the key of the certificate (PEM)",
         .placeholder = "FILE"},
        {.name = "--connections",
         .into = &options.connections,
         .help = "never more than so many to your app",
         .placeholder = "N",
         .within = {1, most_connections},
         .otherwise = std::to_string(usual.routes.front().connections)},
        {.name = "--retry-every",
         .into = &options.retry_every,
         .help = "the longest pause before what failed is tried again",
         .placeholder = "TIME",
         .otherwise = supe::print_duration(usual.routes.front().retry.max)},
        {.name = "--admin",
         .into = &options.admin,
         .help = "where /livez, /readyz and /metrics are; nowhere without it",
         .placeholder = "ADDR:PORT"},
        {.name = "--state",
         .into = &options.state,
         .help = "directory for what must outlive the relay",
         .placeholder = "DIR"},
        log_format_option(options.format),
        time_option(options.time),
        {.name = "--demo",
         .into = &options.demo,
         .help = "with a small app behind it that is slow and fails now and then, and a sender"},
        {.name = "--print-tree",
         .into = &options.print_tree,
         .help = "print the tree file and end; `supe run` of it is the same relay"},
        {.name = "--check-ledger",
         .into = &options.check_ledger,
         .help =
             "print of each route what was accepted and what became of it, compare it with what "
             "is stored, and end; the relay may run meanwhile"},
        {.name = "--providers",
         .into = &options.providers,
         .help = "print the table of providers whose webhooks can be verified, and end"}};
}

}  // namespace

command relay_command(const target_tree& where) {
    auto options = std::make_shared<relay_options>();
    command c{.name = "relay", .help = "the webhook relay, in the foreground", .group = "Run"};
    c.parameters = parameters_of(*options);
    c.footer =
        "SIGTERM or Ctrl-C: ordered stop; a second one: kill now. SIGHUP: read CONFIG.json again, "
        "and change only what differs.\n\n"
        "Examples:\n  supe relay --to http://localhost:3000 --connections 5\n"
        "  supe relay --demo\n  supe relay --to https://app.example.com/hooks --print-tree > "
        "relay.json";
    c.perform = [options, &where] { return run_relay(*options, where); };
    return c;
}

}  // namespace components
