// What the peers that run in Node.js need.
#pragma once

#include "tests/bench/programs.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace bench {

/// `node SCRIPT ARGUMENT…`, of a script in tests/bench/node. Throws std::runtime_error without
/// Node.js.
std::vector<std::string> node_command(const std::string& script,
                                      std::vector<std::string> arguments = {});

/// Installs what tests/bench/node/package-lock.json pins below the build directory, unless it is
/// there. Returns its node_modules. Throws std::runtime_error with the reason why not.
std::filesystem::path node_packages(const folder& where);

}  // namespace bench
