// The journal's file: SQLite in WAL mode, synchronous=FULL, one writer. Every call blocks, so
// sqlite_journal calls them in a thread of its own.
#pragma once

#include "supe/mail/journal_steps.hpp"
#include "supe/storage/sqlite_file.hpp"

#include <filesystem>
#include <memory>

namespace supe {

/// `STATE/mail/dam.queue.sqlite` for the supervisor `/dam/queue`; `supe` for the root, since no
/// child can have that name.
std::filesystem::path journal_path(const std::filesystem::path& state, const std::string& address);

class journal_file {
public:
    static constexpr std::size_t part_rows = 4096;
    static constexpr std::size_t part_bytes = 1u << 20;  // and one row more
    static constexpr int finished_limit = 8192;          // ids: several windows of the hop before

    explicit journal_file(std::filesystem::path file);
    ~journal_file();

    bool exists() const;
    /// Opens or creates the file (0600), with its directory (0700). Returns an error in one line
    /// that names the file, or empty.
    std::string open();
    /// Before anything was written.
    void close();
    /// Nothing is written before the last part.
    journal::part restore_part(journal_reader& reader);
    std::string restore(journal_reader& reader);
    /// Where it is not done: what is not read stays in the file.
    void stop_reading();
    /// Writes all steps in one commit that has reached the disk, or no step. Returns the error, or
    /// empty.
    std::string write(const journal_steps& steps);
    /// Gives some free pages back to the file system. For a moment with nothing to write.
    void compact() noexcept;

private:
    template <class F>
    std::string attempt(F f);
    void apply(const journal_step& step);
    void put(const journaled_mail& mail);

    std::filesystem::path path_;
    std::unique_ptr<sqlite_file> file_;  // null until it is opened
    class rows;
    std::unique_ptr<rows> reading_;  // null where no reading is under way
    std::unique_ptr<SQLite::Statement> put_, erase_, put_back_, finish_, keep_, discard_;
};

}  // namespace supe
