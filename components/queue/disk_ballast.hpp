// Room on the disk that is kept for the day when others have filled it.
#pragma once

#include <cstdint>
#include <filesystem>

namespace components {

/// A file that only takes up room. What was delivered has to be noted on disk: where others fill it
/// to the last byte, the file is given up, and what is queued can still be delivered. New webhooks
/// are refused long before that (`disk_reserve`).
class disk_ballast {
public:
    static constexpr std::uint64_t size = 16u << 20;  // bytes; more than a write-ahead log takes

    explicit disk_ballast(std::filesystem::path file);

    /// Makes the file where it is missing, and `free_bytes` are plenty.
    void keep(std::uint64_t free_bytes);
    /// True where it freed some room.
    bool give_up();

private:
    std::filesystem::path file_;
    bool is_there_;
    bool failed_ = false;  // this file system does not take it: no second try
};

}  // namespace components
