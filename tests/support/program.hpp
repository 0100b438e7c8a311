// A program under test in a process of its own, with all that it prints.
#pragma once

#include "tests/support/event_loop.hpp"

#include <sys/types.h>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace support {

/// Runs in a process group of its own. The destructor kills the rest of the group.
class program {
public:
    /// Starts `command` with our environment and `variables` on top (an empty value removes one).
    program(event_loop& loop, std::vector<std::string> command,
            std::map<std::string, std::string> variables = {});
    ~program();
    program(const program&) = delete;
    program& operator=(const program&) = delete;

    pid_t pid() const { return pid_; }
    void signal(int number);
    /// The exit code, or 128 and the signal; nothing when it has not ended within `limit`.
    std::optional<int> wait(supe::duration limit = std::chrono::seconds(20));
    bool has_ended();

    /// stdout and stderr so far, together.
    std::string output() const;
    bool prints(const std::string& text, supe::duration limit = std::chrono::seconds(20));

private:
    event_loop& loop_;
    pid_t pid_ = 0;
    int output_ = -1;  // a file without a name
    std::optional<int> exit_;
};

/// Runs a program to its end: its exit code (-1 when it did not end), and its output.
struct finished {
    int code;
    std::string output;
};
finished run(event_loop& loop, std::vector<std::string> command,
             std::map<std::string, std::string> variables = {});

}  // namespace support
