// A nested supervisor in its own process. SUPE-START brings its tree, as it brings the config of a
// component.
#pragma once

#include "supe/supervision/supervisor.hpp"

#include <functional>

namespace supe {

/// Waits for the tree on the channel, runs it, and returns the exit code: 0 after a clean stop, 1
/// after a failure. `prepare` is called with the supervisor before it starts its children.
awaitable<int> run_nested_supervisor(supervisor_environment environment, unique_fd channel_fd,
                                     std::string address, std::function<void(supervisor&)> prepare);

}  // namespace supe
