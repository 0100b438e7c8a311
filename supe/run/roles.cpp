#include "supe/run/roles.hpp"

#include "supe/component/own_channel.hpp"
#include "supe/control/commands.hpp"
#include "supe/run/environment.hpp"
#include "supe/run/signals.hpp"
#include "supe/run/state_lock.hpp"
#include "supe/run/tree_runtime.hpp"
#include "supe/supervision/nested_supervisor.hpp"

#include <errno.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <algorithm>
#include <fstream>

namespace supe {
namespace {

constexpr std::string_view command = "component";  // PROGRAM component ROLE [ADDRESS]
constexpr std::string_view supervisor_role = "supervisor";

/// In its own process. The channel is the one that the environment names.
awaitable<int> run_nested(tree_runtime& on, unique_fd channel, supervisor_code code) {
    std::optional<control::commands> commands;
    int exit_code = exit_failed;
    const auto nested_and_services = [&](nursery& all) -> awaitable<> {
        const std::function<void(supervisor&)> prepare = [&](supervisor& s) {
            commands.emplace(s);
            if (code) s.run_beside(code);
            on.start_services(all, s);
        };
        awaitable<int> nested = run_nested_supervisor(
            on.environment(environment_variable("SUPE_STATE")), std::move(channel),
            environment_variable("SUPE_ADDRESS"), prepare);
        exit_code = co_await std::move(nested);
        all.cancel();
    };
    const std::string address = environment_variable("SUPE_ADDRESS");
    try {
        co_await with_nursery(on.time(), nested_and_services);
    } catch (const std::exception& e) {  // its own coroutines: see architecture.md
        log_to(on.sink(), address, fmt::format("failed: {}", e.what()));
    }
    co_await on.end_what_is_left(address);
    co_await on.finish_output();
    co_return exit_code;
}

int run_nested_process(const run_settings& settings) {
    unique_fd channel = own_channel();
    if (!channel) {
        fmt::print(stderr,
                   "supe component supervisor: no channel; it is started by a supervisor\n");
        return exit_bad_start;
    }
    const auto code = settings.code.find(environment_variable("SUPE_ADDRESS"));
    tree_runtime on(output_format::relayed);
    return on.run(run_nested(on, std::move(channel),
                             code == settings.code.end() ? supervisor_code() : code->second));
}

int no_such_role(std::string_view role, const component_roles& roles) {
    auto names = role_names(roles);
    names.emplace_back(supervisor_role);
    fmt::print(stderr, "supe: \"{}\" is not a component of this program; there are: {}\n", role,
               fmt::join(names, ", "));
    return exit_bad_start;
}

/// A role starts no processes, and its descriptors are connections. (A supervisor raises its limit
/// in the launcher, which gives the children the one from before.)
void raise_descriptor_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// A component's memory rises and falls with each batch. To give it back and ask for it again each
/// time took a tenth of the relay's time.
void keep_some_memory() {
    ::mallopt(M_TOP_PAD, 1 << 20);
    ::mallopt(M_TRIM_THRESHOLD, 8 << 20);
}

}  // namespace

std::vector<std::string> role_names(const component_roles& roles) {
    std::vector<std::string> names;
    for (const auto& [name, body] : roles) names.push_back(name);
    return names;
}

std::optional<int> run_role(int argc, char** argv, const run_settings& settings) {
    if (argc < 2 || argv[1] != command) return std::nullopt;
    if (argc != 3 && argc != 4) {
        fmt::print(stderr, "supe: {} {} needs the name of one component\n", argv[0], command);
        return exit_bad_start;
    }
    return run_component_role(argv[2], settings);
}

std::optional<std::string> role_of_this_process() {
    if (environment_variable("SUPE_ADDRESS").empty()) return std::nullopt;
    std::ifstream command_line("/proc/self/cmdline", std::ios::binary);
    std::string program, first, role, address, more;
    std::getline(command_line, program, '\0');
    std::getline(command_line, first, '\0');
    const bool has_role = static_cast<bool>(std::getline(command_line, role, '\0'));
    std::getline(command_line, address, '\0');
    if (first != command || !has_role || std::getline(command_line, more, '\0'))
        return std::nullopt;
    return role;
}

int run_component_role(const std::string& role, const run_settings& settings) {
    // It was run as /proc/self/exe, which would be its name in the list of processes.
    ::prctl(PR_SET_NAME, program_invocation_short_name);
    // Held until this process is gone: a new root on the same state directory waits for the last of
    // us (contract §7).
    std::optional<state_lock> lock;
    if (const std::string state = environment_variable("SUPE_STATE"); !state.empty()) {
        std::string error;
        lock = state_lock::join(state, error);
        if (!lock) {
            fmt::print(stderr, "supe: {}\n", error);
            return exit_failed;
        }
    }
    if (role == supervisor_role) return run_nested_process(settings);
    raise_descriptor_limit();
    keep_some_memory();
    ignore_stray_signals();
    const auto found =
        std::ranges::find(settings.roles, role, [](const auto& entry) { return entry.first; });
    if (found == settings.roles.end()) return no_such_role(role, settings.roles);
    return run_component(found->second);
}

}  // namespace supe
