#include "supe/run/signals.hpp"

#include <fmt/format.h>
#include <csignal>

namespace supe {

tree_signals::tree_signals(supervisor& root, std::function<supervisor_spec()> read_again)
    : root_(root), read_again_(std::move(read_again)),
      stops_(root.time().executor(), SIGTERM, SIGINT), reloads_(root.time().executor(), SIGHUP) {}

awaitable<> tree_signals::stop_when_asked() {
    for (;;) {
        const int number = co_await stops_.async_wait(use_awaitable);
        const bool again = root_.is_stopping();
        root_.log(fmt::format("{}: {}", signal_name(number),
                              again ? "killing what is left" : "stopping"));
        again ? root_.kill() : root_.shutdown();
    }
}

/// A SIGHUP that comes during a reload causes another one after it.
awaitable<> tree_signals::reload_when_asked() {
    for (;;) {
        co_await reloads_.async_wait(use_awaitable);
        std::optional<supervisor_spec> tree = read_tree();
        if (!tree) continue;
        const std::string problem = co_await root_.admin().reload(std::move(*tree));
        root_.log(problem.empty() ? "SIGHUP: reloaded"
                                  : fmt::format("SIGHUP: reloaded, but: {}", problem));
    }
}

/// Nothing where there is no file, or a bad one: that is refused whole, and nothing is touched.
std::optional<supervisor_spec> tree_signals::read_tree() const {
    if (!read_again_) {
        root_.log("SIGHUP: there is no tree file to read again");
        return std::nullopt;
    }
    try {
        return read_again_();
    } catch (const std::exception& e) {
        root_.log(fmt::format("SIGHUP: nothing is changed: {}", e.what()));
        return std::nullopt;
    }
}

}  // namespace supe
