// What a supervisor uses of its process: clock, launcher, sink, state directory.
#pragma once

#include "supe/async/clock.hpp"
#include "supe/mail/journal.hpp"
#include "supe/output/sink.hpp"
#include "supe/process/launcher.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace supe {

/// Everything here outlives the supervisor.
struct supervisor_environment {
    clock& time;
    launcher& processes;
    line_sink& sink;
    std::function<double()> random;      ///< in [0,1): for jitter and mail ids
    std::filesystem::path state;         ///< the state directory
    std::vector<std::string> variables;  ///< `KEY=value`: the base of the children's environment
    std::vector<std::string>
        builtin;  ///< the command that runs a built-in role, to which role and address are appended
    std::string program = {};  ///< the file with the built-in roles; empty: by the command
    /// Makes the journal of the supervisor at an address. Empty: a file in the state directory.
    std::function<std::unique_ptr<journal>(const std::string& address)> journals = {};
    /// Runs what blocks, beside the event loop, and resumes at its end. Empty: run_blocking().
    std::function<awaitable<>(std::function<void()>)> beside = {};
};

}  // namespace supe
