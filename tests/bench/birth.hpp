// What a child of the benchmarks reports at its first instruction.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <ctime>

namespace bench {

struct birth {
    std::int64_t at_ns;  ///< of CLOCK_MONOTONIC, which all processes share
    pid_t pid;
};

inline std::int64_t monotonic_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * std::int64_t(1'000'000'000) + now.tv_nsec;
}

}  // namespace bench
