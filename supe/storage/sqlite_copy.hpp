// A copy of a SQLite file that is open here, for one that has lost its name.
#pragma once

#include "supe/storage/sqlite_file.hpp"

#include <SQLiteCpp/Backup.h>

#include <filesystem>
#include <memory>

namespace supe {

/// Made step by step, while the file goes on: what is committed to it meanwhile is copied too.
/// Everything here blocks, a step for about as long as a large commit. All of it throws
/// sqlite_error, as on a full disk; a copy that was not put in place leaves nothing.
class sqlite_copy {
public:
    /// The copy is beside the place of the file, as `PATH.copy`.
    explicit sqlite_copy(sqlite_file& from);
    ~sqlite_copy();
    sqlite_copy(const sqlite_copy&) = delete;
    sqlite_copy& operator=(const sqlite_copy&) = delete;

    /// Copies up to 4 MiB. False: all of it is there.
    bool step();
    /// Gives the copy the name that the file had, and takes the file's log away, which belongs to
    /// no other. Precondition: step() returned false, and nothing was committed since. The file is
    /// of no use then.
    void put_in_place();

private:
    sqlite_file& from_;
    std::filesystem::path path_;
    std::unique_ptr<SQLite::Database> to_;
    std::unique_ptr<SQLite::Backup> backup_;
};

}  // namespace supe
