// No signal is handled on this thread for a while.
#pragma once

#include <pthread.h>
#include <csignal>

namespace supe {

/// Blocks every signal of this thread for as long as it lives. What begins meanwhile, a thread or a
/// process, inherits the mask.
class signals_blocked {
public:
    signals_blocked() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    signals_blocked(const signals_blocked&) = delete;
    signals_blocked& operator=(const signals_blocked&) = delete;

private:
    sigset_t before_;
};

}  // namespace supe
