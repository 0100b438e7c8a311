// Processes that a test has left behind.
#pragma once

#include "supe/async/unique_fd.hpp"
#include "tests/support/files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <filesystem>
#include <string>

namespace support {

/// One that was started with `text` in its environment, as a directory that only this test has.
inline bool anybody_has(const std::string& text) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc"))
        if (read_file(entry.path() / "environ").find(text) != std::string::npos) return true;
    return false;
}

/// A daemon of tests/support/daemon_helper.cpp, or one of its forks, lives: they hold a lock on the
/// file of its name.
inline bool daemon_lives(const std::string& folder, const std::string& name) {
    const supe::unique_fd file(
        ::open((folder + "/" + name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    return ::flock(file.get(), LOCK_EX | LOCK_NB) != 0;
}

}  // namespace support
