// The programs that the benchmarks start, and their folders.
#pragma once

#include "supe/async/unique_fd.hpp"
#include "tests/bench/birth.hpp"
#include "tests/support/free_port.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace bench {

/// A folder of its own below the build directory, so that it is on a real disk. The destructor
/// removes it.
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

/// A program that runs as long as this object. The destructor sends SIGTERM and waits, then kills
/// the rest of its process group and waits. The program gets SIGTERM too when the bench itself is
/// killed. Throws when it cannot be started.
class program {
public:
    /// `log` gets its output. `environment` is added to ours.
    program(std::vector<std::string> command, const std::filesystem::path& log,
            const std::map<std::string, std::string>& environment = {});
    ~program();
    program(const program&) = delete;
    program& operator=(const program&) = delete;

    pid_t pid() const { return pid_; }
    /// False when it has ended.
    bool runs() const;
    /// Waits for its end: true when its exit code is 0.
    bool succeeds() const;

private:
    /// Waits without reaping it, so that its pid stays its own.
    bool has_ended(int options, int* exit_code = nullptr) const;

    pid_t pid_ = 0;
};

/// Receives what children of the benchmarks report at their first instruction.
class births {
public:
    explicit births(const std::filesystem::path& fifo);
    ~births();
    births(const births&) = delete;
    births& operator=(const births&) = delete;

    /// The next report. Throws after 30 s without one, so that a broken benchmark ends.
    birth next();
    std::string path() const { return path_; }

private:
    std::string path_;
    int fd_;
};

/// The program from tests/bench/child/, or another that is built beside it.
std::string child_program(const std::string& name = "bench_child");
/// The full path of a program of this machine (in $PATH, or a directory of system programs); empty
/// when it is not installed.
std::string installed(const std::string& name);

/// Listens on a port of 127.0.0.1 that was free.
supe::unique_fd listening_socket();
std::uint16_t port_of(const supe::unique_fd& listening);
using support::free_port;
/// True when the port has a listener.
bool answers(std::uint16_t port);

}  // namespace bench
