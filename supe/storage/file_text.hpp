// Text that is written whole to an open file, or not at all. Everything here blocks.
#pragma once

#include <cstddef>
#include <string_view>

namespace supe {

/// False when not all of it could be written; errno says why.
bool write_all(int fd, std::string_view text);

/// What came of append_whole().
struct append_result {
    int error = 0;         ///< errno; 0: all of the text is in the file
    bool is_torn = false;  ///< a part of it is in the file, and could not be cut off again
};
/// Appends to a file of `size` bytes that is open with O_APPEND. When not all of the text can be
/// written, what was written of it is cut off again.
append_result append_whole(int fd, std::size_t size, std::string_view text);

/// Puts `text` in place of all that the file has. False when that fails; errno says why.
bool replace_text(int fd, std::string_view text);

}  // namespace supe
