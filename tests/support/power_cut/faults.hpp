// Which calls of a disk fail now, with EIO: a file that the test and the shim map
// ($POWER_CUT_FAULTS).
#pragma once

#include <atomic>
#include <cstdint>

namespace power_cut {

/// How many calls fail from now on; for_ever: all, until the test says otherwise.
struct faults {
    static constexpr std::int32_t for_ever = -1;
    std::atomic<std::int32_t> writes, syncs;
    std::atomic<std::uint32_t> failed_writes, failed_syncs;  ///< so far
    char file[64];  ///< of files whose path has this in it; empty: all

    /// Takes one of `left`: true when this call fails.
    static bool take(std::atomic<std::int32_t>& left) {
        std::int32_t n = left;
        while (n > 0 && !left.compare_exchange_weak(n, n - 1)) {}
        return n != 0;
    }
};

}  // namespace power_cut
