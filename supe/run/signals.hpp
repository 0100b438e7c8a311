// What the signals of an operator do to a tree (contract §6).
#pragma once

#include "supe/supervision/supervisor.hpp"

#include <boost/asio/signal_set.hpp>
#include <functional>

namespace supe {

/// SIGTERM and SIGINT: ordered stop, a second one kills. SIGHUP: reads the tree file again and
/// touches only what changed.
class tree_signals {
public:
    /// From now on these signals are kept for this object, which the coroutines do not outlive.
    /// `read_again` as in run_settings.
    tree_signals(supervisor& root, std::function<supervisor_spec()> read_again);

    /// Both run until they are cancelled.
    awaitable<> stop_when_asked();
    awaitable<> reload_when_asked();

private:
    using signal_set = asio::basic_signal_set<loop_executor>;
    std::optional<supervisor_spec> read_tree() const;

    supervisor& root_;
    std::function<supervisor_spec()> read_again_;
    signal_set stops_;
    signal_set reloads_;
};

}  // namespace supe
