// Shared by the fuzz harnesses. Each is a program of libFuzzer, which calls LLVMFuzzerTestOneInput
// with any bytes.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

/// Ends the run when a condition that must hold does not; libFuzzer then prints and saves the
/// input.
inline void require(bool holds, const char* what, std::string_view seen = {}) {
    if (holds) return;
    std::fprintf(stderr, "does not hold: %s: %.*s\n", what, static_cast<int>(seen.size()),
                 seen.data());
    std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

/// Calls `feed(piece)` with the text in pieces, whose sizes follow from a seed.
template <class Feed>
void in_pieces(std::string_view text, std::uint32_t seed, Feed feed) {
    while (!text.empty()) {
        seed = seed * 1664525u + 1013904223u;
        const std::size_t size = 1 + (seed >> 24) % 32;
        feed(text.substr(0, size));
        text.remove_prefix(text.size() < size ? text.size() : size);
    }
}

}  // namespace fuzz
