// JSON text as a part of a frame, which ends with its line (contract §2).
#pragma once

#include <cstddef>
#include <string>

namespace supe {

/// Line ends in the JSON from `begin` on become blanks, which is the same JSON.
inline void make_one_line(std::string& text, std::size_t begin = 0) {
    for (std::size_t at = text.find('\n', begin); at != text.npos; at = text.find('\n', at))
        text[at] = ' ';
}

}  // namespace supe
