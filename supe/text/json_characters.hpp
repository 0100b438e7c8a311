// The characters of a JSON string, as they stand in its text. For json_text.cpp and json_string.cpp
// alone.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace supe {

/// What may stand behind a backslash, but for `u`, and the characters that these mean.
inline constexpr std::string_view escape_codes = "\"\\/bfnrt", escape_meanings = "\"\\/\b\f\n\r\t";

/// Bytes inside a string that need no look: all but quote, backslash, control characters and what
/// is not ASCII.
inline constexpr std::array<bool, 256> plain_bytes = [] {
    std::array<bool, 256> table{};
    for (int c = 0x20; c < 0x80; ++c) table[static_cast<std::size_t>(c)] = c != '"' && c != '\\';
    return table;
}();

inline bool is_plain(char c) { return plain_bytes[static_cast<unsigned char>(c)]; }

/// The first byte from `i` on that needs a look, or the end. Most of all mail is read here: 16
/// bytes at a time, or 8. A short run is stepped through: a frame may hold nothing but escapes, and
/// to look at 16 bytes takes longer than a step.
inline std::size_t skip_plain(std::string_view t, std::size_t i) {
    constexpr std::size_t short_run = 4;
    for (const std::size_t end = std::min(i + short_run, t.size()); i < end; ++i)
        if (!is_plain(t[i])) return i;
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'),
                  blank = _mm_set1_epi8(' ');
    for (; i + 16 <= t.size(); i += 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(t.data() + i));
        // As signed bytes, what is not ASCII is below a blank too.
        const __m128i found = _mm_or_si128(
            _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
            _mm_cmplt_epi8(bytes, blank));
        if (const int mask = _mm_movemask_epi8(found))
            return i + static_cast<std::size_t>(std::countr_zero(static_cast<unsigned>(mask)));
    }
#else
    constexpr std::uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    const auto has_zero = [](std::uint64_t x) { return (x - ones) & ~x & high; };
    for (; i + 8 <= t.size(); i += 8) {
        std::uint64_t bytes;
        std::memcpy(&bytes, t.data() + i, sizeof bytes);
        const std::uint64_t below_blank = (bytes - ones * ' ') & ~bytes & high;
        if ((bytes & high) | below_blank | has_zero(bytes ^ (ones * '"')) |
            has_zero(bytes ^ (ones * '\\')))
            break;
    }
#endif
    while (i < t.size() && is_plain(t[i])) ++i;
    return i;
}

}  // namespace supe
