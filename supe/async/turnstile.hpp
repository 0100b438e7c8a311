// Where many coroutines begin something that holds the loop for a moment.
#pragma once

#include "supe/async/clock.hpp"

#include <deque>

namespace supe {

/// Lets them pass one at a time, in order, and gives all others a turn of the event loop between
/// any two.
class turnstile {
public:
    explicit turnstile(clock& c) : clock_(c) {}
    /// Resumes when it is this coroutine's turn. Throws operation_aborted when it is cancelled.
    awaitable<> pass();

private:
    struct place;
    clock& clock_;
    std::deque<place*> waiting_;
};

}  // namespace supe
