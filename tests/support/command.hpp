// A command under test as a process of its own, its stdout and stderr told apart.
#pragma once

#include <sys/types.h>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace support {

using time_limit = std::chrono::steady_clock::duration;
inline constexpr time_limit patient = std::chrono::seconds(30);

/// Looks again and again until `fact` holds; false when it does not within `limit`.
bool until(const std::function<bool()>& fact, time_limit limit = patient);

struct command_setup {
    std::vector<std::string> words;
    std::map<std::string, std::string>
        variables;      ///< on top of ours; an empty value takes one away
    std::string input;  ///< what its stdin says
    int out = -1;       ///< a descriptor for its stdout, instead of out() below
};

/// Runs in a process group of its own; whatever is left of the group is killed with this object.
class command {
public:
    explicit command(command_setup setup);
    ~command();
    command(const command&) = delete;
    command& operator=(const command&) = delete;

    pid_t pid() const { return pid_; }
    void signal(int number);
    bool has_ended();
    /// The exit code, or 128 and the signal; -1 when it has not ended within `limit`.
    int wait(time_limit limit = patient);
    /// What it printed so far.
    std::string out() const;
    std::string err() const;

private:
    pid_t pid_ = 0;
    int out_ = -1, err_ = -1;  // files without a name
    std::optional<int> exit_;
};

/// What was printed by a command that was run to its end.
struct result {
    int code;
    std::string out, err;
};
result run(command_setup setup);

}  // namespace support
