// The environment of this process.
#pragma once

#include <string>
#include <vector>

namespace supe {

/// The value of a variable; empty where there is none.
std::string environment_variable(const char* name);

/// Our environment without what speaks of ourselves, as `KEY=value`: a child has a channel, sockets
/// and a name of its own.
std::vector<std::string> inherited_variables();

}  // namespace supe
