// What blocks (fsync, a slow disk) runs on a thread of its own, beside the event loop.
#pragma once

#include "supe/async/awaitable.hpp"

#include <functional>
#include <thread>

namespace supe {

/// A thread that gets no signal: the thread that runs the loop handles them. Throws
/// std::system_error where none can be had (EAGAIN: the user has too many).
std::thread start_thread(std::function<void()> work);

/// Runs `work`, which must not throw, on a thread of its own, and resumes when it has ended.
/// Cancelled, it waits for that end all the same, without the loop, and throws operation_aborted.
/// Throws std::system_error where a thread or a descriptor cannot be had (EAGAIN, EMFILE).
awaitable<> run_blocking(loop_executor executor, std::function<void()> work);

}  // namespace supe
