// A descriptor that wakes whoever waits at a timer: so one coroutine waits for several, and for a
// deadline, at once.
#pragma once

#include "supe/async/clock.hpp"
#include "supe/async/unique_fd.hpp"

#include <memory>

namespace supe {

/// Owns the descriptor, and adds it to the event loop. Whoever is woken only notices, and tries for
/// itself: never blocks.
class watched_descriptor {
public:
    /// Without one: it is never ready.
    watched_descriptor() = default;
    /// Throws system_error where the event loop cannot take it; the descriptor is closed then.
    watched_descriptor(loop_executor executor, unique_fd fd);
    ~watched_descriptor() { close(); }
    watched_descriptor(watched_descriptor&&) = default;
    watched_descriptor& operator=(watched_descriptor&&) = delete;

    int get() const;

    /// Notifies `wake` once, when there is something to read, or the end. Asked again before that,
    /// it changes nothing. The timer outlives this object, or close().
    void when_readable(timer& wake) { when(readable, wake); }
    /// … when there is room to write, or nobody to read it.
    void when_writable(timer& wake) { when(writable, wake); }
    void close();

private:
    enum direction { readable, writable };
    struct state;
    void when(direction d, timer& wake);

    std::shared_ptr<state> state_;
};

}  // namespace supe
