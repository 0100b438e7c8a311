// What runs beside a supervisor in its process: signals, control socket, output, orphans.
#pragma once

#include "supe/supervision/supervisor.hpp"

#include <functional>
#include <string>

namespace supe {

/// Runs `service` until it is cancelled. Where it throws, the reason is logged and the supervisor
/// fails: its children are stopped in order, and the exit code is 1. Meanwhile the service runs
/// again, so that signals and commands work to the end. `name`: for the log.
awaitable<> serve(supervisor& s, std::string name, std::function<awaitable<>()> service);

}  // namespace supe
