// The write-ahead log beside a SQLite file (`-wal`; its format:
// sqlite.org/fileformat2.html#walformat), looked at before SQLite reads it. SQLite ends its reading
// at the first frame whose checksum is wrong. That is right for what was being written as the
// machine stopped; where a byte has changed since, it loses all that was committed behind it,
// without a word.
//
// Everything here blocks, and is for a file that nobody has open.
#pragma once

#include <cstdint>
#include <filesystem>

namespace supe {

struct log_state {
    std::uint64_t frames = 0;  ///< whole ones in the file, also of what is no longer valid
    std::uint64_t broken = 0;  ///< the first one whose checksum is wrong, from 1; 0: none
    /// A later transaction was begun, so that the broken one was on the disk, and was confirmed; or
    /// the header is none.
    bool is_damaged = false;
};

/// Reads the log of the database `file`; one that is missing or empty has nothing. Throws
/// std::system_error.
log_state check_log(const std::filesystem::path& file);

/// Makes of a damaged log one that SQLite reads to its end: a changed page comes into the database
/// as it is now. Throws std::system_error.
void accept_damaged_log(const std::filesystem::path& file);

/// Writes the log's own bytes over it, and syncs it. After a sync that failed, the kernel takes the
/// pages for clean: a program that begins anew reads them, and no later sync would bring them to
/// the disk, but only what comes behind them. Throws std::system_error.
void write_log_again(const std::filesystem::path& file);

}  // namespace supe
