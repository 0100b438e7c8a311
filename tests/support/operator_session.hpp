// The real `supe` on a state directory of the test: trees that run, and the commands of an
// operator.
#pragma once

#include "tests/support/command.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/json/value.hpp>
#include <memory>

namespace support {

class operator_session {
public:
    std::string file(const std::string& name) const { return (folder_ / name).string(); }
    std::string state() const { return file("state"); }

    /// Runs `supe` with these words to its end, without access to this user's own trees.
    result supe(std::vector<std::string> words, std::string input = {}) const;
    /// The same with `--state` of the tree below.
    result ask(std::vector<std::string> words) const;
    /// Starts `supe` with these words.
    std::unique_ptr<command> begin(std::vector<std::string> words, int out = -1) const;

    /// Writes the tree file, runs it, and returns when all children were started.
    std::unique_ptr<command> run_tree(const std::string& tree, std::vector<std::string> more = {},
                                      int out = -1) const;
    /// True when the root answers and its state is `running`.
    bool is_up() const;

    /// The status of a child, or of the root; null when there is no such child.
    boost::json::value status(const std::string& address = "/") const;
    /// Waits until the child is in this state.
    bool reaches(const std::string& address, const std::string& state) const;
    pid_t pid_of(const std::string& address) const;

private:
    command_setup setup(std::vector<std::string> words) const;
    temporary_directory folder_;
};

}  // namespace support
