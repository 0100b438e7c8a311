// What the benchmarks start, and where.
#pragma once

#include "tests/bench/birth.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace bench {

/// A folder of its own below the build directory, so that what is written there goes to a real disk. Gone with this.
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

/// A program that runs as long as this lives: then it gets SIGTERM and is waited for. Throws when it cannot be started.
class program {
public:
    /// Its output goes to `log`. `environment` is added to ours.
    program(std::vector<std::string> command, const std::filesystem::path& log,
            const std::map<std::string, std::string>& environment = {});
    ~program();
    program(const program&) = delete;
    program& operator=(const program&) = delete;

    pid_t pid() const { return pid_; }

private:
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
/// The full path of a program of this machine, or nothing where it is not installed.
std::string installed(const std::string& name);

}  // namespace bench
