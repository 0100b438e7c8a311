// The kept output: files of JSON lines in the state directory, bounded by size and by count.
// log_directory.hpp: which files there are, and what is kept of the oldest.
#pragma once

#include "supe/async/unique_fd.hpp"
#include "supe/output/log_directory.hpp"
#include "supe/output/output_line.hpp"

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace supe {

/// Writes `DIRECTORY/output.00000001.jsonl` and so on. Numbers only go up, so a reader knows which
/// file is next. One writer at a time (the state directory's lock ensures it). Flushed lines
/// survive the death of every process of the tree.
class log_writer {
public:
    /// Creates the directory (0700) when it is missing, and appends to the last file of an earlier
    /// run. Lines that cannot be written are dropped and counted, and a line reports them later.
    explicit log_writer(std::filesystem::path directory, log_limits limits = {});

    /// Why nothing can be kept: one line; empty where all is well.
    const std::string& problem() const { return problem_; }

    void write(std::string_view at, std::string_view address, stream s, std::string_view line);
    /// Writes the gathered lines to the file. One that was deleted or moved is followed by a new
    /// one, and a directory that was deleted is made again.
    void flush();
    /// Why lines are lost at present; empty where all are kept.
    std::string loss() const;

    /// There are more files than are kept.
    bool has_work() const { return has_too_many_; }
    /// What is to be done about them beside the loop, since it blocks: keep_shares(). Where nobody
    /// does it, twice as many files are kept, and then the oldest goes.
    std::function<void()> take_work();

private:
    void open_last();
    bool open_file(std::uint64_t number);
    int put(std::string_view text);
    bool put_or_rotate(std::string_view text);
    void rotate();
    void bound_files();

    std::filesystem::path directory_;
    log_limits limits_;
    std::string problem_;
    std::uint64_t number_ = 0;  // of the open file
    unique_fd file_;
    bool has_too_many_ = false;
    std::size_t size_ = 0;  // bytes of the open file, which ends with a whole line
    std::string text_;
    std::size_t lines_ = 0;  // in text_
    std::string last_at_;
    std::size_t lost_lines_ = 0;
    std::string lost_why_;
};

/// Reads what a log_writer wrote or is writing, across rotations: first what is kept of older
/// files, then each file. It blocks: for the command line.
class log_reader {
public:
    explicit log_reader(std::filesystem::path directory);
    /// False when there are no files.
    bool found_any() const;

    /// The next whole line of JSON, oldest first; nothing when there is no further line now.
    std::optional<std::string> next();
    /// Blocks until there may be a further line, at most a second.
    void wait();

private:
    struct opened {
        std::uint64_t number;
        unique_fd file;
    };
    void watch();
    bool has_next() const;
    bool read_more();
    bool open_next();
    void open_all();

    std::filesystem::path directory_;
    unique_fd changes_;         // inotify
    std::uint64_t number_ = 0;  // of the open file; 0: nothing is read yet
    unique_fd file_;
    std::deque<opened> waiting_;  // at the start: all files, so that none goes meanwhile
    std::string unread_;
    std::size_t begin_ = 0;
};

}  // namespace supe
