// The channels that one turn of a supervisor's work appended to: each is written once a turn.
#pragma once

#include "supe/channel/channel.hpp"

#include <vector>

namespace supe {

/// Knows the channels that have something to write, and does not own them. Belongs to one thread.
class outbox {
public:
    /// Frames were appended to `to.out()`: the next flush() writes them.
    void add(channel& to);
    /// Call before a channel ends: nothing is written to it from then on.
    void forget(const channel& gone);
    /// Writes what the sockets take now. At the end of each turn of the event loop's work.
    void flush();

private:
    std::vector<channel*> waiting_;
};

}  // namespace supe
