// What becomes of a webhook in the queue: one table of state and event, for all who change one.
// Pure.
#pragma once

#include <cstddef>
#include <optional>

namespace components {

/// A webhook in delivery is no state of its own: that is in the memory of the queue's process
/// alone. It waits or has failed meanwhile; after a crash of the queue it is offered again, and
/// what a forwarder reports of it counts all the same. The numbers are those of the file
/// (supe/state_directory.md).
enum class webhook_state : int {
    waiting = 0,  ///< for its first delivery
    failed = 1,   ///< to be tried again at a time
    dead = 2,     ///< kept for an operator
    behind = 3,   ///< another one of its key comes first
    kept = 4,     ///< it was delivered, and can be looked at and replayed (`keep_delivered`)
    gone = 5      ///< it has no row
};

enum class webhook_event {
    arrived,
    arrived_behind,  ///< another one of its key waits, or has failed
    delivered,
    delivered_and_kept,
    tried,  ///< without success: once more later
    died,
    revived,
    revived_behind,
    dropped,  ///< by an operator
    turn,     ///< nobody of its key is before it any more
    expired   ///< it was kept long enough
};

/// The state after the event; nothing where the event does not concern a webhook in this state. A
/// late report of an earlier life of the queue may come in any state.
inline std::optional<webhook_state> after(webhook_state from, webhook_event what) {
    using enum webhook_state;
    constexpr auto none = std::optional<webhook_state>();
    using row = std::optional<webhook_state>[11];
    // arrived, arrived_behind, delivered, delivered_and_kept, tried, died, revived, revived_behind,
    // dropped, turn, expired
    static constexpr row table[] = {
        /* waiting */ {none, none, gone, kept, failed, dead, none, none, gone, none, none},
        /* failed */ {none, none, gone, kept, failed, dead, none, none, gone, none, none},
        /* dead */ {none, none, gone, kept, none, none, failed, behind, gone, none, none},
        /* behind */ {none, none, gone, kept, none, dead, none, none, gone, waiting, none},
        /* kept */ {none, none, none, none, none, none, failed, behind, gone, none, gone},
        /* gone */ {waiting, behind, none, none, none, none, none, none, none, none, none}};
    return table[static_cast<std::size_t>(from)][static_cast<std::size_t>(what)];
}

/// Others of its key come after it.
inline bool is_first_of_key(webhook_state s) {
    return s == webhook_state::waiting || s == webhook_state::failed;
}

}  // namespace components
