// A `supe relay` of the same binary in a process of its own, and the processes below it.
#pragma once

#include <sys/types.h>
#include <filesystem>
#include <string>
#include <vector>

namespace components {

class relay_process {
public:
    /// `words`: what stands behind `supe`. Its output goes to `log`. Starts nothing yet.
    relay_process(std::vector<std::string> words, std::filesystem::path log);
    /// Kills it; its children die with it.
    ~relay_process();
    relay_process(const relay_process&) = delete;
    relay_process& operator=(const relay_process&) = delete;

    /// Throws std::system_error. It dies with this process.
    void start();
    /// False when it has ended, or was never started.
    bool is_running();
    void signal(int number);

    /// The relay itself first, by the name `relay`, then each process below it by its role.
    struct part {
        pid_t pid;
        std::string name;
    };
    std::vector<part> parts() const;

private:
    std::vector<std::string> words_;
    std::filesystem::path log_;
    pid_t pid_ = 0;
};

}  // namespace components
