// A command under test in a process of its own, with stdout and stderr apart.
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

/// Checks `fact` repeatedly until it holds; false when it does not within `limit`.
bool until(const std::function<bool()>& fact, time_limit limit = patient);

struct command_setup {
    std::vector<std::string> words;
    std::map<std::string, std::string> variables;  ///< on top of ours; an empty value removes one
    std::string input;                             ///< its stdin
    int out = -1;  ///< a descriptor for its stdout, instead of out() below
};

/// Runs in a process group of its own. The destructor kills the rest of the group.
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
    /// Its stdout so far.
    std::string out() const;
    std::string err() const;

private:
    pid_t pid_ = 0;
    int out_ = -1, err_ = -1;  // files without a name
    std::optional<int> exit_;
};

/// The output of a command that was run to its end.
struct result {
    int code;
    std::string out, err;
};
result run(command_setup setup);

}  // namespace support
