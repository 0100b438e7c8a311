// What a process asked of the kernel, of the heap and of memcpy, as the library of
// tests/bench/count_calls/ counts it.
#pragma once

#include <cstdint>

namespace bench {

/// Names the directory in which each process that has loaded the library maps a file of its own,
/// which has its process id for its name and holds a call_counts.
inline constexpr const char* counts_variable = "COUNT_CALLS_IN";

struct call_counts {
    std::uint64_t system_calls = 0;   ///< those that the library knows: nearly all of a relay
    std::uint64_t allocations = 0;    ///< malloc, calloc, realloc and their like
    std::uint64_t copied_bytes = 0;   ///< by memcpy and memmove, where the compiler calls them
    std::uint64_t frames = 0;         ///< sent over channels
    std::uint64_t channel_bytes = 0;  ///< of these frames
};

}  // namespace bench
