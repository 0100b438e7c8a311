// What one turn of a supervisor's work wrote, on its way out: each channel is written once a turn.
#pragma once

#include "supe/channel/channel.hpp"

#include <vector>

namespace supe {

/// Knows the channels that have something to write, and does not own them. Belongs to one thread.
class outbox {
public:
    /// Frames were appended to `to.out()`: they go out at the next flush().
    void add(channel& to);
    /// Precondition of the end of a channel: nothing is written to it any more.
    void forget(const channel& gone);
    /// Writes what the sockets take now. At the end of each turn of the event loop's work.
    void flush();

private:
    std::vector<channel*> waiting_;
};

}  // namespace supe
