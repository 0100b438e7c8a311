#include "supe/run/signals.hpp"

#include "supe/async/blocking_work.hpp"
#include "supe/async/signals_blocked.hpp"
#include "supe/async/unique_fd.hpp"
#include "supe/supervision/tree_warnings.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <cerrno>
#include <csignal>

namespace supe {

namespace {

using namespace std::chrono_literals;

/// `timeout 5 supe run …` and wrappers that pass on what the terminal sent signal twice at once.
constexpr milliseconds one_request = 1s;

/// Each asks for a stop.
constexpr int stop_signals[] = {SIGTERM, SIGINT, SIGQUIT};

/// A process has a terminal when it can open this.
/// Where we may not look (EMFILE, EACCES) it is there for all we know.
bool has_terminal() {
    const unique_fd terminal(::open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC));
    return terminal || (errno != ENXIO && errno != ENODEV && errno != EIO && errno != ENOENT);
}

bool is_ignored(int number) {
    struct sigaction action{};
    return ::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

void ignore_stray_signals() {
    for (const int number : {SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2, SIGALRM})
        std::signal(number, SIG_IGN);
    sigset_t none;
    ::sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

tree_signals::tree_signals(supervisor& root, std::function<supervisor_spec()> read_again,
                           bool warns)
    : root_(root), read_again_(std::move(read_again)), warns_(warns),
      stops_(root.time().executor()), reloads_(root.time().executor()), reloaded_(root.time()),
      had_terminal_(has_terminal() && !is_ignored(SIGHUP)) {
    for (const int number : stop_signals) stops_.add(number);
    reloads_.add(SIGHUP);
}

/// Without handlers a late request would kill the root while it ends, and change its exit code.
tree_signals::~tree_signals() {
    const signals_blocked meanwhile;
    stops_.clear();
    reloads_.clear();
    for (const int number : stop_signals) std::signal(number, SIG_IGN);
    std::signal(SIGHUP, SIG_IGN);
}

awaitable<> tree_signals::stop_when_asked() {
    for (;;) {
        const int number = co_await stops_.async_wait(use_awaitable);
        stop(number);
    }
}

void tree_signals::stop(int number) {
    const time_point now = root_.time().now();
    const bool again = root_.is_stopping();
    if (again && first_stop_ != never && now < first_stop_ + one_request) return;
    if (!again) first_stop_ = now;
    root_.log(
        fmt::format("{}: {}", signal_name(number), again ? "killing what is left" : "stopping"));
    again ? root_.kill() : root_.shutdown();
}

bool tree_signals::terminal_is_gone() const { return had_terminal_ && !has_terminal(); }

/// A SIGHUP that comes during a reload causes another one after it.
awaitable<> tree_signals::reload_when_asked(state_keeper& keeper) {
    for (;;) {
        co_await reloads_.async_wait(use_awaitable);
        if (terminal_is_gone()) {
            if (!root_.is_stopping()) root_.log("SIGHUP: the terminal is gone: stopping");
            root_.shutdown();
            continue;
        }
        keeper.look();
        co_await reload("SIGHUP");
    }
}

awaitable<std::string> tree_signals::reload(const char* by) {
    while (reloads_now_) co_await reloaded_.wait();
    reloads_now_ = true;
    struct at_end {
        tree_signals& s;
        ~at_end() {
            s.reloads_now_ = false;
            s.reloaded_.notify();
        }
    } const next_one{*this};
    std::string problem = co_await read_and_apply();
    root_.log(fmt::format("{}: {}", by, problem.empty() ? "reloaded" : problem));
    co_return problem;
}

awaitable<std::string> tree_signals::read_and_apply() {
    std::string problem;
    std::optional<supervisor_spec> tree = co_await read_tree(problem);
    if (!tree) co_return problem;
    const std::string left = co_await root_.admin().reload(std::move(*tree));
    if (!left.empty()) problem = "reloaded, but: " + left;
    co_return problem;
}

/// Nothing where there is no file, or a bad one: that is refused whole, and nothing is touched. It
/// is read beside the event loop: the user database, which it may ask, may be on the network.
awaitable<std::optional<supervisor_spec>> tree_signals::read_tree(std::string& problem) {
    if (!read_again_) {
        problem = "there is no tree file to read again";
        co_return std::nullopt;
    }
    std::optional<supervisor_spec> tree;
    std::vector<std::string> warnings;
    std::function<void()> read = [&] {
        try {
            tree = read_again_();
            if (warns_) warnings = warnings_of(*tree);
        } catch (const std::exception& e) {
            problem = std::string("nothing is changed: ") + e.what();
        }
    };
    try {
        co_await run_blocking(root_.time().executor(), std::move(read));
    } catch (const std::system_error& e) {  // no thread, or no descriptor
        problem = std::string("nothing is changed: ") + e.what();
    }
    for (const std::string& line : warnings) root_.log("warning: " + line);
    co_return tree;
}

}  // namespace supe
