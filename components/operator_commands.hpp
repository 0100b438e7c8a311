// What an operator asks a running tree: status, start, stop, restart, mail, notices (contract §6).
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace CLI {
class App;
}

namespace components {

/// Adds the commands to the command line; each leaves its exit code in `exit_code`.
void add_operator_commands(CLI::App& app, int& exit_code);

/// JSON with line breaks and indentation, for people.
std::string pretty(const boost::json::value& value);

/// The status of a tree (`supe status --json`) as a table with states and, on a terminal, colours.
std::string status_table(const boost::json::value& root, bool colour);

}  // namespace components
