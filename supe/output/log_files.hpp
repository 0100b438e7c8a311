// Output that is kept: files in the state directory with a line of JSON a line, bounded by size and
// by count.
#pragma once

#include "supe/async/unique_fd.hpp"
#include "supe/output/output_line.hpp"

#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace supe {

struct log_limits {
    std::size_t file_bytes = 8u << 20;  ///< past this a new file is begun
    std::size_t files = 8;              ///< of which so many stay; the oldest goes
};

/// Writes `DIRECTORY/output.00000001.jsonl` and so on; numbers only go up, so a reader knows what
/// follows. One writer at a time (the state directory's lock sees to that). What was flushed
/// survives the death of every process of the tree.
class log_writer {
public:
    /// Makes the directory (0700) where it is missing, and goes on behind what an earlier run left
    /// there. What cannot be written is dropped, and a line says so later: this is no reason to
    /// stop anything.
    explicit log_writer(std::filesystem::path directory, log_limits limits = {});

    void write(std::string_view at, std::string_view address, stream s, std::string_view line);
    /// Hands what was gathered to the kernel.
    void flush();

private:
    bool open_file(std::uint64_t number);
    bool put(std::string_view text);
    void rotate();

    std::filesystem::path directory_;
    log_limits limits_;
    std::uint64_t number_ = 0;  // of the open file
    unique_fd file_;
    std::size_t size_ = 0;  // of the open file, bytes; it ends with a whole line
    std::string text_;
    std::size_t lines_ = 0;  // in text_
    std::string last_at_;
    std::size_t lost_lines_ = 0;
    int lost_error_ = 0;
};

/// Reads what a log_writer wrote or is writing, across rotation. Blocking: for the command line.
class log_reader {
public:
    explicit log_reader(std::filesystem::path directory);
    /// False where no output was ever kept.
    bool found_any() const { return !numbers().empty(); }

    /// The next whole line of JSON, the oldest first; nothing when there is none now.
    std::optional<std::string> next();
    /// Blocks until there may be more.
    void wait();

private:
    std::deque<std::uint64_t> numbers() const;
    bool read_more();
    bool open_next();

    std::filesystem::path directory_;
    unique_fd changes_;  // inotify
    std::uint64_t number_ = 0;
    unique_fd file_;
    std::string unread_;
    std::size_t begin_ = 0;
};

}  // namespace supe
