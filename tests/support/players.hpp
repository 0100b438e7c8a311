// Simulated components for scenarios of supervision.
#pragma once

#include "supe/simulation/world.hpp"
#include "supe/tree/tree_file.hpp"

#include <fmt/format.h>
#include <ostream>

namespace support {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""h;

/// Takes and acknowledges mail until SUPE-SHUTDOWN.
inline supe::awaitable<> diligent(supe::component& self) {
    while (auto mail = co_await self.receive()) mail->ack();
}

/// As diligent, but ready only after half a second.
inline supe::awaitable<> late(supe::component& self) {
    co_await self.shutdown_requested_until(self.time().now() + 500ms);
    self.ready();
    while (auto mail = co_await self.receive()) mail->ack();
}

/// Needs two seconds to finish.
inline supe::awaitable<> slow(supe::component& self) {
    while (auto mail = co_await self.receive()) mail->ack();
    co_await self.time().sleep_for(2s);
}

/// Ignores SUPE-SHUTDOWN.
inline supe::awaitable<> stubborn(supe::component& self) {
    while (true) co_await self.time().sleep_for(1h);
}

/// Ends cleanly before it is ready.
inline supe::awaitable<> nothing_to_do(supe::component&) { co_return; }

inline void provide_players(supe::simulation::world& w) {
    w.provide("diligent", diligent);
    w.provide("late", late);
    w.provide("slow", slow);
    w.provide("stubborn", stubborn);
    w.provide("nothing_to_do", nothing_to_do);
}

/// A world that runs a tree of these components.
struct player_world : supe::simulation::world {
    explicit player_world(std::string_view tree, std::uint64_t seed = 1,
                          std::filesystem::path state = {})
        : world(seed) {
        set_state(std::move(state));
        provide_players(*this);
        run(tree);
    }
    /// The notices of these names, each with its child, in order: `crashed a, started a`.
    std::string events(const std::vector<std::string>& kinds, std::size_t from = 0) const {
        std::string all;
        for (std::size_t i = from; i < notices().size(); ++i) {
            const auto& n = notices()[i];
            for (const std::string& kind : kinds) {
                if (n.name == "component-" + kind)
                    all += (all.empty() ? "" : ", ") + kind + " " + n.source;
            }
        }
        return all;
    }
    supe::restarter::status status_of(const std::string& name) {
        return root().status_of(*root().find(name));
    }
};

}  // namespace support

namespace supe {
inline std::ostream& operator<<(std::ostream& out, restarter::status s) {
    return out << name_of(s);
}
}  // namespace supe
