// Calls of a disk that fail with EIO in programs that run with the shim (power_cut/shim.cpp).
#pragma once

#include "tests/support/files.hpp"
#include "tests/support/power_cut/faults.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <filesystem>
#include <map>
#include <string>

namespace support {

/// Built beside the binary under test.
inline std::string power_cut_shim() {
    return (std::filesystem::path(SUPE_BINARY).parent_path() / "libpower_cut_shim.so").string();
}

class disk_faults {
public:
    static constexpr std::int32_t for_ever = power_cut::faults::for_ever;

    /// Says it in `file`, which is made. Nothing fails yet.
    explicit disk_faults(std::filesystem::path file) : file_(std::move(file)) {
        write_file(file_, std::string(sizeof(power_cut::faults), '\0'));
        const int fd = ::open(file_.c_str(), O_RDWR | O_CLOEXEC);
        void* const mapped =
            ::mmap(nullptr, sizeof(power_cut::faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        ::close(fd);
        if (mapped == MAP_FAILED) throw std::runtime_error("no faults: " + file_.string());
        now_ = static_cast<power_cut::faults*>(mapped);
    }
    ~disk_faults() { ::munmap(now_, sizeof *now_); }
    disk_faults(const disk_faults&) = delete;
    disk_faults& operator=(const disk_faults&) = delete;

    power_cut::faults* operator->() { return now_; }
    /// Of files whose path has `part` in it, from now on.
    void only_of(const std::string& part) { now_->file[part.copy(now_->file, 63)] = '\0'; }
    /// No further call fails.
    void end() { now_->writes = now_->syncs = 0; }
    /// For a program whose files are below `directory`.
    std::map<std::string, std::string> environment(const std::filesystem::path& directory) const {
        return {{"LD_PRELOAD", power_cut_shim()},
                {"POWER_CUT_DIRECTORY", directory.string()},
                {"POWER_CUT_FAULTS", file_.string()}};
    }

private:
    std::filesystem::path file_;
    power_cut::faults* now_;
};

}  // namespace support
