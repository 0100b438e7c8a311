// What the signals of an operator do to a tree (contract §6).
#pragma once

#include "supe/run/state_keeper.hpp"
#include "supe/supervision/supervisor.hpp"

#include <boost/asio/signal_set.hpp>
#include <functional>

namespace supe {

/// Signals that ask for nothing here have no effect from now on, in this process alone: SIGPIPE,
/// SIGXFSZ (a write then fails with EFBIG), SIGUSR1, SIGUSR2 and SIGALRM. Whatever the process that
/// started us had blocked is not blocked any more.
void ignore_stray_signals();

/// SIGTERM, SIGINT and SIGQUIT: ordered stop; one that comes a second later or more kills. SIGHUP:
/// reads the tree file again and touches only what changed, as `supe reload` does; where the
/// terminal is gone, it is an ordered stop.
class tree_signals {
public:
    /// From now on these signals are kept for this object, which the coroutines do not outlive.
    /// `read_again` and `warns` as in run_settings.
    tree_signals(supervisor& root, std::function<supervisor_spec()> read_again, bool warns);
    /// From now on they are ignored: the root is about to end.
    ~tree_signals();
    tree_signals(const tree_signals&) = delete;
    tree_signals& operator=(const tree_signals&) = delete;

    /// Both run until they are cancelled. SIGHUP also lets `keeper` look.
    awaitable<> stop_when_asked();
    awaitable<> reload_when_asked(state_keeper& keeper);
    /// Reads the tree file again and performs what changed; `by` asked for it, for the log. One at
    /// a time: others wait. Empty where all of it is done, else what is not, and why.
    awaitable<std::string> reload(const char* by);

private:
    using signal_set = asio::basic_signal_set<loop_executor>;
    void stop(int number);
    bool terminal_is_gone() const;
    awaitable<std::string> read_and_apply();
    awaitable<std::optional<supervisor_spec>> read_tree(std::string& problem);

    supervisor& root_;
    std::function<supervisor_spec()> read_again_;
    bool warns_;
    signal_set stops_;
    signal_set reloads_;
    time_point first_stop_ = never;  // of the first signal
    bool reloads_now_ = false;
    timer reloaded_;
    bool had_terminal_;  // at the start, and SIGHUP was not ignored then, as below nohup
};

}  // namespace supe
