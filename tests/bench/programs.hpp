// What the benchmarks start, and where.
#pragma once

#include "supe/async/unique_fd.hpp"
#include "tests/bench/birth.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace bench {

/// A folder of its own below the build directory, so that what is written there goes to a real
/// disk. Gone with this.
class folder {
public:
    folder();
    ~folder();
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;

    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// A program that runs as long as this lives: then it gets SIGTERM and is waited for, and what is
/// left of its process group is killed and waited for. It gets SIGTERM too when the bench itself is
/// killed. Throws when it cannot be started.
class program {
public:
    /// Its output goes to `log`. `environment` is added to ours.
    program(std::vector<std::string> command, const std::filesystem::path& log,
            const std::map<std::string, std::string>& environment = {});
    ~program();
    program(const program&) = delete;
    program& operator=(const program&) = delete;

    pid_t pid() const { return pid_; }
    /// False once it has ended.
    bool runs() const;
    /// Waits for its end: true when its exit code is 0.
    bool succeeds() const;

private:
    /// Waits, and leaves it to be reaped: its process id stays its own.
    bool has_ended(int options, int* exit_code = nullptr) const;

    pid_t pid_ = 0;
};

/// Hears what children of the benchmarks say at their first instruction.
class births {
public:
    explicit births(const std::filesystem::path& fifo);
    ~births();
    births(const births&) = delete;
    births& operator=(const births&) = delete;

    /// The next one. Throws where none comes within 30 s, so that a broken benchmark ends.
    birth next();
    std::string path() const { return path_; }

private:
    std::string path_;
    int fd_;
};

/// The program from tests/bench/child/, or another that is built beside it.
std::string child_program(const std::string& name = "bench_child");
/// The full path of a program of this machine (of $PATH, or where system programs are), or nothing
/// where it is not installed.
std::string installed(const std::string& name);

/// Listens on a port of 127.0.0.1 that was free.
supe::unique_fd listening_socket();
std::uint16_t port_of(const supe::unique_fd& listening);
/// For someone who will listen there: free just now.
inline std::uint16_t free_port() { return port_of(listening_socket()); }
/// True when somebody listens there.
bool answers(std::uint16_t port);

}  // namespace bench
