#include "supe/run/run_tree.hpp"

#include "supe/control/server.hpp"
#include "supe/process/posix_launcher.hpp"
#include "supe/run/service_manager.hpp"
#include "supe/run/state_lock.hpp"
#include "supe/supervision/nested_supervisor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <poll.h>
#include <unistd.h>
#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdlib>
#include <random>
#include <thread>

extern char** environ;

namespace supe {
namespace {

using namespace std::chrono_literals;

constexpr auto status_interval = 20ms;  // what changes within is told in one
constexpr auto last_output = 1s;  // so long a slow reader of our output is waited for at the end

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

/// Our environment without what speaks of ourselves: a child has a channel, sockets and a name of
/// its own.
std::vector<std::string> inherited_variables() {
    constexpr std::string_view ours[] = {"NODE_CHANNEL_FD=",   "NODE_CHANNEL_SERIALIZATION_MODE=",
                                         "LISTEN_FDS=",        "LISTEN_PID=",
                                         "LISTEN_FDNAMES=",    "NOTIFY_SOCKET=",
                                         "WATCHDOG_USEC=",     "WATCHDOG_PID=",
                                         "SUPE_CITIZEN_NAME=", "SUPE_ADDRESS=",
                                         "SUPE_STATE="};
    std::vector<std::string> kept;
    for (char** entry = environ; *entry; ++entry) {
        const std::string_view text(*entry);
        if (std::ranges::none_of(ours,
                                 [&](std::string_view name) { return text.starts_with(name); }))
            kept.emplace_back(text);
    }
    return kept;
}

/// What a supervisor in a process of its own stands on.
struct tree_runtime {
    explicit tree_runtime(output_format format) : sink(time, format) {
        std::signal(SIGPIPE, SIG_IGN);  // a reader of our output that goes away is no reason to end
    }

    asio::io_context loop{1};
    real_clock time{loop.get_executor()};
    posix_launcher processes{loop.get_executor()};
    terminal_sink sink;
    std::mt19937_64 dice{std::random_device{}()};

    supervisor_environment environment(std::filesystem::path state) {
        return {time,
                processes,
                sink,
                [this] { return std::uniform_real_distribution<double>(0, 1)(dice); },
                std::move(state),
                inherited_variables(),
                {"/proc/self/exe", "component"}};
    }
};

awaitable<> obey_signals(supervisor& s, asio::signal_set& signals) {
    for (;;) {
        const int number = co_await signals.async_wait(use_awaitable);
        const bool again = s.is_stopping();
        s.log(fmt::format("{}: {}", signal_name(number),
                          again ? "killing what is left" : "stopping"));
        again ? s.kill() : s.shutdown();
    }
}

/// What systemd is told: READY=1, STOPPING=1, and in words how the tree does.
std::string service_status_of(supervisor& root) {
    using status = restarter::status;
    std::size_t up = 0, all = 0;
    std::string stopping;
    for (const child* c : root.children()) {
        const status s = root.status_of(*c);
        ++all;
        up += s == status::running || s == status::idle;
        if (s == status::stopping) stopping += (stopping.empty() ? " " : ", ") + c->spec().name;
    }
    if (root.is_stopping()) return fmt::format("STOPPING=1\nSTATUS=stopping:{}", stopping);
    return fmt::format("{}STATUS={} of {} children up", root.is_booted() ? "READY=1\n" : "", up,
                       all);
}

awaitable<> notify_service_manager(const service_manager& manager, supervisor& root) {
    std::string told;
    for (;;) {
        const std::string status = service_status_of(root);
        if (status != told && manager.notify(status)) told = status;
        if (status == told) co_await root.changed();
        if (status != told || !root.is_stopping()) co_await root.time().sleep_for(status_interval);
    }
}

/// From the loop that all the work is done in: when that hangs, so does this.
awaitable<> ping_service_manager(const service_manager& manager, clock& time) {
    for (;;) {
        manager.notify("WATCHDOG=1");
        co_await time.sleep_for(*manager.ping_every());
    }
}

/// What it took to read the tree and to start it goes back to the system.
awaitable<> give_back_memory(supervisor& root) {
    while (!root.is_booted()) co_await root.changed();
    ::malloc_trim(0);
}

/// A bad file is refused whole, and nothing is touched. What is signalled during a reload is done
/// after it.
awaitable<> obey_reloads(supervisor& s, asio::signal_set& signals,
                         std::function<supervisor_spec()> read_again) {
    for (;;) {
        co_await signals.async_wait(use_awaitable);
        std::optional<supervisor_spec> tree;
        try {
            if (read_again) tree = read_again();
            if (!read_again) s.log("SIGHUP: there is no tree file to read again");
        } catch (const std::exception& e) {
            s.log(fmt::format("SIGHUP: nothing is changed: {}", e.what()));
        }
        if (!tree) continue;
        const std::string problem = co_await s.admin().reload(std::move(*tree));
        s.log(problem.empty() ? "SIGHUP: reloaded"
                              : fmt::format("SIGHUP: reloaded, but: {}", problem));
    }
}

awaitable<> run_root(tree_runtime& on, supervisor& root, const run_settings& settings,
                     int& exit_code) {
    // Before the control socket is there: whoever sees it may signal us.
    asio::signal_set stops(on.time.executor(), SIGTERM, SIGINT),
        reloads(on.time.executor(), SIGHUP);
    control::server control(root, settings.state);
    nursery service(on.time);
    service.start(control.run());
    service.start(obey_signals(root, stops));
    service.start(obey_reloads(root, reloads, settings.read_again));
    service.start(on.sink.drain());
    service.start(on.processes.reap_orphans(on.time));
    service.start(give_back_memory(root));
    const auto manager = service_manager::from_environment();
    if (manager.listens()) service.start(notify_service_manager(manager, root));
    if (manager.ping_every()) service.start(ping_service_manager(manager, on.time));
    std::exception_ptr failure;
    try {
        const bool clean = co_await root.run();
        exit_code = clean ? 0 : 1;
    } catch (...) {
        failure = std::current_exception();
    }
    if (manager.listens())
        manager.notify("STOPPING=1");  // also where it failed, or was quicker than its status
    service.cancel();
    co_await service.join();
    co_await on.sink.finish(last_output);
    if (failure) std::rethrow_exception(failure);
}

/// How many there were. They have ended when this is over.
awaitable<std::size_t> end_left_behind(tree_runtime& on, std::filesystem::path state) {
    std::size_t all = 0;
    const auto limit = on.time.now() + 10s;
    for (auto killed = kill_left_behind(state); !killed.empty(); killed = kill_left_behind(state)) {
        all += killed.size();
        for (const unique_fd& process : killed) {
            pollfd ended{process.get(), POLLIN, 0};
            while (::poll(&ended, 1, 0) == 0 && on.time.now() < limit)
                co_await on.time.sleep_for(5ms);
        }
        if (on.time.now() >= limit) break;  // the kernel holds them: no reason not to start
    }
    co_return all;
}

awaitable<> run_root_alone(tree_runtime& on, supervisor_spec tree, const run_settings& settings,
                           int& exit_code) {
    const std::filesystem::path& state = settings.state;
    state_lock lock = state_lock::acquire_root(state, "supe " + tree.name);
    if (!co_await lock.wait_for_last_processes(on.time, on.time.now() + 10s)) {
        throw std::runtime_error(fmt::format(
            "state directory {}: processes of an earlier run are still alive after 10 s",
            state.string()));
    }
    const std::size_t left_behind = co_await end_left_behind(on, state);
    log_writer files(state / "logs");
    on.sink.keep_in(files);
    supervisor root(on.environment(state), std::move(tree), std::string());
    if (left_behind > 0)
        root.log(
            fmt::format("ended {} processes that an earlier run had left behind", left_behind));
    if (settings.code) root.run_beside(settings.code);
    co_await run_root(on, root, settings, exit_code);
}

awaitable<> run_below(tree_runtime& on, int fd, int& exit_code) {
    nursery service(on.time);
    service.start(on.sink.drain());
    service.start(on.processes.reap_orphans(on.time));
    std::optional<control::commands> commands;
    const std::function<void(supervisor&)> prepare = [&commands](supervisor& s) {
        commands.emplace(s);
    };
    exit_code = co_await run_nested_supervisor(on.environment(variable("SUPE_STATE")),
                                               unique_fd(fd), variable("SUPE_ADDRESS"), prepare);
    service.cancel();
    co_await service.join();
    co_await on.sink.finish(last_output);
}

/// What cannot be had at start is told in one line.
awaitable<> with_plain_errors(awaitable<> work, int& exit_code) {
    try {
        co_await std::move(work);
    } catch (const std::exception& e) {
        fmt::print(stderr, "supe: {}\n", e.what());
        exit_code = 2;
    }
}

void run_loop(tree_runtime& on, awaitable<> work, int& exit_code) {
    nursery all(on.time);
    all.start(with_plain_errors(std::move(work), exit_code));
    // Not on the first thread: orphans fall to that one, whose list of children holds no one else
    // then, so that looking for them takes no longer with thousands of children of our own.
    std::thread([&on] { on.loop.run(); }).join();
}

}  // namespace

int run_tree(supervisor_spec tree, run_settings settings) {
    tree_runtime on(settings.format);
    int exit_code = 1;
    run_loop(on, run_root_alone(on, std::move(tree), settings, exit_code), exit_code);
    return exit_code;
}

int run_nested() {
    const int fd = std::atoi(variable("NODE_CHANNEL_FD").c_str());
    if (fd < 3 || ::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        fmt::print(stderr,
                   "supe component supervisor: no channel; it is started by a supervisor\n");
        return 2;
    }
    tree_runtime on(output_format::relayed);
    int exit_code = 1;
    run_loop(on, run_below(on, fd, exit_code), exit_code);
    return exit_code;
}

}  // namespace supe
