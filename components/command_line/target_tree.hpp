// Which running tree a command means (contract §1 state directory, §6).
#pragma once

#include "components/command_line/command.hpp"
#include "supe/control/client.hpp"
#include "supe/run/state_directory.hpp"

#include <boost/json/object.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace components {

using supe::state_directory;

/// `--state DIR` or `--tree NAME`; without them the only tree that runs in the usual place. A
/// failure prints a line on stderr and returns the exit code of the command.
struct target_tree {
    std::string state{};
    std::string tree{};
    std::string otherwise{};  ///< the tree of a program of one's own, where neither is given

    /// Its state directory; fails where no tree is there, several are and none is named, or this
    /// user may not enter it.
    exit_code find(std::filesystem::path& directory) const;
    /// The same for what a dead tree left there too: the only one whose folder has `file` will do.
    exit_code find_with(const char* file, std::filesystem::path& directory) const;
    exit_code connect(std::optional<supe::control::client>& client) const;

    /// Asks one thing. `answer` gets what follows on `ok`, `problem` the line that
    /// is printed otherwise.
    exit_code ask(const boost::json::object& request, boost::json::value* answer = nullptr,
                  std::string* problem = nullptr) const;
    exit_code ask_line(std::string request, boost::json::value* answer = nullptr,
                       std::string* problem = nullptr) const;
    /// The same, and prints the answer where it is text.
    exit_code ask_and_print(const boost::json::object& request) const;

private:
    exit_code only_one_of(const std::vector<std::string>& names, const std::string& what,
                          std::filesystem::path& directory) const;
};

/// Fails, with a line on stderr, where this user may not enter the directory: what it holds is not
/// known then. One that is not there is no failure.
exit_code enter(const std::filesystem::path& directory);

/// `--state` and `--tree` of a command.
void add_target_options(command& c, target_tree& where);

}  // namespace components
