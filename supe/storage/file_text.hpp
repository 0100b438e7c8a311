// Files that are read whole, and text that is written whole to an open file, or not at all.
// Everything here blocks for as long as a disk takes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace supe {

enum class file_kind {
    regular,  ///< what else is there is refused with not_regular, and nothing waits for it
    any       ///< a pipe, a FIFO or a terminal too: it is waited for
};

struct file_read {
    std::string text;
    int error = 0;  ///< errno, or not_regular of private_files.hpp; 0: it was read
};
/// Reads a file to its end, or to the first byte beyond `limit`. Symbolic links are followed.
file_read read_file(const std::filesystem::path& file, std::size_t limit, file_kind kind);

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
