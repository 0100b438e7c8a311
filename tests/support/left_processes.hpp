// Processes that a test has left behind.
#pragma once

#include "tests/support/files.hpp"

#include <filesystem>
#include <string>

namespace support {

/// One that was started with `text` in its environment, as a directory that only this test has.
inline bool anybody_has(const std::string& text) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc"))
        if (read_file(entry.path() / "environ").find(text) != std::string::npos) return true;
    return false;
}

}  // namespace support
