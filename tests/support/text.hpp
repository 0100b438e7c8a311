// A helper for texts in tests.
#pragma once

#include <string>

namespace support {

/// How many times `part` occurs, without overlaps.
inline std::size_t count(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size())
        ++n;
    return n;
}

}  // namespace support
