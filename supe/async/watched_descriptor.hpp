// A descriptor that notifies a timer: so one coroutine waits for several descriptors and a deadline
// at once.
#pragma once

#include "supe/async/clock.hpp"
#include "supe/async/unique_fd.hpp"

#include <memory>

namespace supe {

/// Owns the descriptor, and adds it to the event loop. It only notifies: reading and writing are
/// the caller's, without blocking.
class watched_descriptor {
public:
    /// Without a descriptor: it is never ready.
    watched_descriptor() = default;
    /// Throws system_error where the event loop cannot take it; the descriptor is closed then.
    watched_descriptor(loop_executor executor, unique_fd fd);
    ~watched_descriptor() { close(); }
    watched_descriptor(watched_descriptor&&) = default;
    watched_descriptor& operator=(watched_descriptor&&) = delete;

    /// Precondition: it has a descriptor.
    int get() const;

    /// Notifies `wake` once, when there is something to read, or the end of file. A second call
    /// before that changes nothing. The timer must live until this object ends or is closed.
    void when_readable(timer& wake) { when(readable, wake); }
    /// The same when there is room to write, or the reader is gone.
    void when_writable(timer& wake) { when(writable, wake); }
    void close();

private:
    enum direction { readable, writable };
    struct state;
    void when(direction d, timer& wake);

    std::shared_ptr<state> state_;
};

}  // namespace supe
