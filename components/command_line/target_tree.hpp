// Which running tree a command means (contract §1 state directory, §6).
#pragma once

#include "supe/control/client.hpp"
#include "supe/run/state_directory.hpp"

#include <boost/json/object.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace components {

using supe::state_directory;

/// `--state DIR` or `--tree NAME`; without them the only tree that runs in the usual place. What
/// goes wrong is told in a line on stderr, and returned as the exit code of the command.
struct target_tree {
    std::string state;
    std::string tree;

    /// Its state directory; 0, or the exit code: no tree there, or several and none named.
    int find(std::filesystem::path& directory) const;
    /// The same for what a dead tree left there too: the only one whose folder has `file` will do.
    int find_with(const char* file, std::filesystem::path& directory) const;
    int connect(std::optional<supe::control::client>& client) const;

    /// Asks one thing. The exit code; `answer` gets what follows on `ok`, `problem` the line that
    /// would be told otherwise.
    int ask(const boost::json::object& request, boost::json::value* answer = nullptr,
            std::string* problem = nullptr) const;
    int ask_line(std::string request, boost::json::value* answer = nullptr,
                 std::string* problem = nullptr) const;
    /// The same, and says what was done.
    int order(const boost::json::object& request) const;

private:
    int the_only_one(const std::vector<std::string>& names, const std::string& what,
                     std::filesystem::path& directory) const;
};

}  // namespace components
