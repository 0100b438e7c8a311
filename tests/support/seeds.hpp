// The seeds of a sweep: SUPE_SEEDS is their number, SUPE_SEED the first one.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <ranges>

namespace support {

inline std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const char* value = std::getenv(name);
    return value ? std::strtoull(value, nullptr, 10) : otherwise;
}

/// `count` of them, from 1 on, where the environment says nothing.
inline auto seeds(std::uint64_t count) {
    const std::uint64_t first = from_environment("SUPE_SEED", 1);
    return std::views::iota(first, first + from_environment("SUPE_SEEDS", count));
}

}  // namespace support
