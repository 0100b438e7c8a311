// The environment of a new process.
#pragma once

#include "supe/process/launcher.hpp"

#include <deque>
#include <string>
#include <vector>

namespace supe {

/// That of the request, with the variables that only the launcher knows.
struct child_environment {
    std::deque<std::string> added;     // a deque: pointers into it stay valid
    std::deque<std::string> with_pid;  // end in 16 bytes for the child's own pid
    std::vector<const char*> entries;

    /// `last`: the greatest descriptor of the child.
    child_environment(const launch_request& request, int last, const std::string& notify_name);
};

}  // namespace supe
