// A directory for one test, which is removed at its end.
#pragma once

#include <stdlib.h>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace support {

/// A directory in memory if the machine has one: for tests whose commits need not survive a power
/// failure.
inline std::filesystem::path in_memory() {
    std::error_code none;
    const std::filesystem::path shared = "/dev/shm";
    return std::filesystem::is_directory(shared, none) ? shared
                                                       : std::filesystem::temp_directory_path();
}

class temporary_directory {
public:
    explicit temporary_directory(
        const std::filesystem::path& where = std::filesystem::temp_directory_path()) {
        std::string name = (where / "supe-test-XXXXXX").string();
        if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary directory");
        path_ = name;
    }
    ~temporary_directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

}  // namespace support
