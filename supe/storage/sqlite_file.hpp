// A SQLite file as all of ours are: its mode, its durability, its version, its errors. Everything
// here blocks.
#pragma once

#include "supe/storage/private_files.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace supe {

/// The file cannot do what was asked now: disk full, I/O error, corrupt, too new. what() is one
/// line that begins with the file's name.
class sqlite_error : public std::runtime_error {
public:
    explicit sqlite_error(const std::string& what, bool damaged = false)
        : std::runtime_error(what), damaged_(damaged) {}
    /// What is in the file is not what SQLite wrote: to try again helps nothing.
    bool damaged() const { return damaged_; }

private:
    bool damaged_;
};

/// What is in a file, and what its owner wants of it beyond the rules for all.
struct sqlite_format {
    enum class directory {
        there,
        made
    };  ///< made: where it is missing, for its owner alone (0700)

    std::string schema;  ///< `CREATE … IF NOT EXISTS` for each thing in it
    int version = 1;     ///< of the schema, kept as `PRAGMA user_version`; 0 there is 1 too
    /// Makes an older file, which has tables, one of `version`, before `schema` is applied. All of
    /// it is one transaction.
    std::function<void(SQLite::Database&)> upgrade = {};
    std::string of_new_file = {};  ///< pragmas that only a new file takes: page_size, auto_vacuum
    std::string pragmas = {};      ///< further ones
    directory in = directory::there;
};

/// Open from its construction on. The rules: mode 0600 from the first moment; WAL with
/// synchronous=FULL, so that a commit is on the disk; no mmap, whose I/O errors are signals; no
/// overwriting of what is deleted, which Debian's SQLite does and which costs five times the
/// writes. A sync that fails is a commit that fails: SQLite writes the frames of the next one over
/// its frames, and what a killed process left behind is written again (write_ahead_log.hpp).
class sqlite_file {
public:
    /// Opens or creates it; nobody else has it open. Throws sqlite_error, also for a file of a
    /// newer version.
    sqlite_file(std::filesystem::path file, const sqlite_format& format);

    const std::filesystem::path& path() const { return path_; }
    SQLite::Database& database() { return *database_; }
    /// The statement in `slot`, ready to be bound; prepared at its first use.
    SQLite::Statement& prepared(std::unique_ptr<SQLite::Statement>& slot, const char* sql);

    void begin();
    void commit();
    /// Forgets everything since begin().
    void rollback() noexcept;
    /// Writes the log back into the file, and makes it empty, as far as nobody reads there. SQLite
    /// does so after commits: where the disk is full none succeeds, and the log takes the room.
    /// True: all that was committed is in the file.
    bool empty_log() noexcept;

    /// The file's path leads to the file that is open here: nobody deleted, moved or replaced it.
    bool is_in_place() const { return identity_at(path_) == file_identity_; }
    /// The same of its log. No later life finds what is committed to a log that is gone.
    bool has_log_in_place() const { return identity_at(log_path()) == log_identity_; }
    std::filesystem::path log_path() const { return path_.string() + "-wal"; }
    /// The file has no name any more: to move it back cannot bring it back.
    bool is_deleted() const;
    /// Where the file is not in place: takes its log away from beside the one that is there now.
    /// SQLite would take it for a log of that one, and write it over that one's pages.
    void drop_log() const;

    /// Runs `f`; what SQLite throws comes out as sqlite_error.
    template <class F>
    auto guarded(F f) const {
        try {
            return f();
        } catch (const SQLite::Exception& e) {
            fail(e.what(), e.getErrorCode());
        }
    }

private:
    [[noreturn]] void fail(const std::string& what, int code = 0) const;
    void prepare_place(sqlite_format::directory in) const;
    void prepare_log() const;
    void check_version(int known);
    void set_up(const sqlite_format& format);

    std::filesystem::path path_;
    // By their numbers: to close a descriptor of our own would end the locks of SQLite (fcntl(2)).
    std::optional<file_identity> file_identity_, log_identity_;
    std::unique_ptr<SQLite::Database> database_;
};

}  // namespace supe
