#include "supe/run/run_tree.hpp"

#include "supe/control/server.hpp"
#include "supe/process/control_group.hpp"
#include "supe/run/left_behind.hpp"
#include "supe/run/roles.hpp"
#include "supe/run/service_manager.hpp"
#include "supe/run/services.hpp"
#include "supe/run/signals.hpp"
#include "supe/run/state_directory.hpp"
#include "supe/run/state_keeper.hpp"
#include "supe/run/state_lock.hpp"
#include "supe/run/state_owner.hpp"
#include "supe/run/tree_runtime.hpp"
#include "supe/supervision/tree_warnings.hpp"
#include "supe/text/terminal_text.hpp"
#include "supe/text/units.hpp"
#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>

namespace supe {

using namespace std::chrono_literals;

namespace {

constexpr auto last_processes_limit = 10s;

/// Addresses of all supervisors below: `/dam`.
void collect_supervisors(const supervisor_spec& spec, const std::string& address,
                         std::vector<std::string>& found) {
    for (const child_spec& c : spec.children) {
        if (!c.supervisor) continue;
        found.push_back(fmt::format("{}/{}", address, c.name));
        collect_supervisors(*c.supervisor, found.back(), found);
    }
}

/// Addresses that have code and no supervisor; one may still come with `supe add` or a reload.
std::vector<std::string> idle_code(const supervisor_spec& tree, const run_settings& settings) {
    std::vector<std::string> supervisors{"/"};
    collect_supervisors(tree, "", supervisors);
    std::vector<std::string> idle;
    for (const auto& [address, code] : settings.code)
        if (std::ranges::find(supervisors, address) == supervisors.end()) idle.push_back(address);
    return idle;
}

/// Between the output of one run of the tree and that of the next.
void mark_start(log_writer& files, clock& time, const std::string& name) {
    const std::string at = print_utc(time.wall());
    files.write(at, "/", stream::err,
                fmt::format("--- {} starts, {}, pid {} ---", name, at, ::getpid()));
    files.flush();
}

/// The root with what serves it; returns the exit code.
awaitable<int> run_root(tree_runtime& on, supervisor& root, const run_settings& settings,
                        state_lock& lock) {
    tree_signals signals(root, settings.read_again,
                         settings.warns);  // whoever sees the control socket may signal
    control::server control(root, settings.state);
    state_keeper keeper(root, lock, control, settings.state, settings.tree_file);
    control.on_reload([&signals] { return signals.reload("supe reload"); });
    const auto manager = service_manager::from_environment();
    bool clean = false;
    const auto root_and_services = [&](nursery& all) -> awaitable<> {
        on.start_services(all, root);
        const auto start = [&](const char* name, std::function<awaitable<>()> service) {
            all.start(serve(root, name, std::move(service)));
        };
        start("the control socket", [&] { return control.run(); });
        start("stopping by signals", [&] { return signals.stop_when_asked(); });
        start("SIGHUP", [&] { return signals.reload_when_asked(keeper); });
        start("the state directory", [&] { return keeper.run(); });
        if (manager.listens()) start("sd_notify", [&] { return manager.report(root); });
        if (manager.ping_every()) start("the watchdog", [&] { return manager.ping(on.time()); });
        clean = co_await root.run();
        all.cancel();
    };
    std::exception_ptr bad_start;
    try {
        co_await with_nursery(on.time(), root_and_services);
    } catch (const listen_error&) {
        bad_start = std::current_exception();
    } catch (const std::exception& e) {  // the root's own coroutines: see architecture.md
        root.log(fmt::format("failed: {}", e.what()));
    }
    if (manager.listens()) manager.notify("STOPPING=1");  // also where it failed at once
    if (bad_start) std::rethrow_exception(bad_start);
    co_return clean ? exit_clean : exit_failed;
}

/// The root from its beginning to its end, with what it says at the start.
awaitable<int> begin_root(tree_runtime& on, supervisor_spec tree, const run_settings& settings,
                          state_lock& lock, std::vector<std::string> said) {
    for (const std::string& address : idle_code(tree, settings))
        said.push_back(
            fmt::format("the code for {} does not run: the tree has no supervisor there", address));
    if (settings.warns)
        for (const std::string& line : warnings_of(tree)) said.push_back("warning: " + line);
    supervisor root(on.environment(settings.state), std::move(tree), std::string());
    for (const std::string& line : said) root.log(line);
    if (const auto code = settings.code.find("/"); code != settings.code.end())
        root.run_beside(code->second);
    const int exit_code = co_await run_root(on, root, settings, lock);
    co_return exit_code;
}

/// At the end of a root: ends what it could not find, and leaves no group behind.
awaitable<> leave(control_group group, clock& time) {
    if (!group.leave()) co_return;
    co_await end_members(time, group);
    group.remove();
}

/// With the state directory for this root alone.
awaitable<int> run_locked(tree_runtime& on, supervisor_spec tree, const run_settings& settings) {
    const std::filesystem::path& state = settings.state;
    state_lock lock = state_lock::acquire_root(state, "supe " + tree.name);
    std::vector<std::string> said;
    if (std::string taken_over = claim_state(state, settings.tree_file); !taken_over.empty())
        said.push_back(std::move(taken_over));
    const time_point limit = on.time().now() + last_processes_limit;
    const bool alone = co_await lock.wait_for_last_processes(on.time(), limit);
    if (!alone) {
        throw std::runtime_error(fmt::format(
            "state directory {}: processes of an earlier run are still alive after 10 s",
            state.string()));
    }
    std::size_t left_behind = co_await end_left_behind(on.time(), state, lock.tree());
    std::optional<control_group> group = control_group::of(lock.tree());
    if (group) {
        const std::size_t members = co_await end_members(on.time(), *group);
        left_behind += members;
        if (!group->enter()) group.reset();
    }
    on.belong_to(lock.tree());
    log_writer files(state / "logs");
    on.sink().keep_in(files);
    mark_start(files, on.time(), tree.name);
    if (left_behind > 0)
        said.push_back(fmt::format("processes that an earlier run had left behind: {} were ended",
                                   left_behind));
    if (!files.problem().empty())
        said.push_back(fmt::format("the output is not kept: {}", files.problem()));
    int exit_code = exit_failed;
    std::exception_ptr bad_start;
    try {
        awaitable<int> root = begin_root(on, std::move(tree), settings, lock, std::move(said));
        exit_code = co_await std::move(root);
    } catch (...) {
        bad_start = std::current_exception();
    }
    co_await on.end_what_is_left("/");
    co_await on.finish_output();
    if (group) co_await leave(*group, on.time());
    if (bad_start) std::rethrow_exception(bad_start);
    co_return exit_code;
}

}  // namespace

int run_tree(supervisor_spec tree, run_settings settings) {
    if (const auto role = role_of_this_process()) return run_component_role(*role, settings);
    if (settings.state.empty()) settings.state = state_directory({}, tree.name);
    tree_runtime on(settings.format);
    return on.run(run_locked(on, std::move(tree), settings));
}

int run_program(int argc, char** argv, const std::filesystem::path& tree_file,
                run_settings settings) {
    if (const auto exit_code = run_role(argc, argv, settings)) return *exit_code;
    try {
        const auto roles = role_names(settings.roles);
        supervisor_spec tree = read_tree_file(tree_file, roles, tree_use::here);
        settings.tree_file = own_file(tree_file);
        if (!settings.read_again) settings.read_again = tree_file_again(tree_file, roles);
        settings.warns = true;
        return run_tree(std::move(tree), std::move(settings));
    } catch (const std::exception& e) {
        fmt::print(stderr, "supe: {}\n", terminal_lines(e.what()));
        return exit_bad_start;
    }
}

}  // namespace supe
