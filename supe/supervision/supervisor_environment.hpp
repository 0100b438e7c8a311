// What a supervisor stands on.
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
    std::function<double()> random;      ///< [0,1): jitter, and the seed of mail ids
    std::filesystem::path state;         ///< the state directory
    std::vector<std::string> variables;  ///< `KEY=value`: the environment that children start from
    std::vector<std::string>
        builtin;  ///< the command that runs a built-in role; the role is appended
    /// Where the supervisor at an address keeps mail and dead letters. None: in files of the state
    /// directory.
    std::function<std::unique_ptr<journal>(const std::string& address)> journals = {};
};

}  // namespace supe
