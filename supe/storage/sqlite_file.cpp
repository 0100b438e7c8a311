#include "supe/storage/sqlite_file.hpp"

#include "supe/storage/write_ahead_log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <cerrno>
#include <system_error>

namespace supe {
namespace {

constexpr int busy_ms = 5000;  // how long another process may hold the file

}  // namespace

sqlite_file::sqlite_file(std::filesystem::path file, const sqlite_format& format)
    : path_(std::move(file)) {
    prepare_place(format.in);
    prepare_log();
    guarded([&] {
        database_ = std::make_unique<SQLite::Database>(
            path_.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, busy_ms);
        check_version(format.version);
        set_up(format);
    });
    file_identity_ = identity_at(path_);
    log_identity_ = identity_at(log_path());
}

void sqlite_file::fail(const std::string& what, int code) const {
    throw sqlite_error(fmt::format("{}: {}", path_.string(), what),
                       code == SQLITE_CORRUPT || code == SQLITE_NOTADB);
}

/// The file is made before SQLite sees it, so that nobody else can read it even for a moment; -wal
/// and -shm follow its mode.
void sqlite_file::prepare_place(sqlite_format::directory in) const {
    if (in == sqlite_format::directory::made) {
        const std::string why = make_private_directory(path_.parent_path());
        if (!why.empty()) fail(why);
    }
    if (!open_private(path_, O_RDWR | O_CREAT)) fail(file_error(errno));
    // SQLite follows no link to these either, but says only that it cannot open the file.
    for (const char* const beside : {"-wal", "-shm", "-journal"}) {
        std::error_code missing;
        const std::string other = path_.string() + beside;
        if (std::filesystem::is_symlink(other, missing))
            fail(fmt::format("{}: {}", other, file_error(ELOOP)));
    }
}

/// An earlier life may have ended with something in it.
void sqlite_file::prepare_log() const {
    try {
        const log_state log = check_log(path_);
        if (log.is_damaged)
            fail(fmt::format("its write-ahead log is damaged in frame {} of {}", log.broken,
                             log.frames),
                 SQLITE_CORRUPT);
        write_log_again(path_);
    } catch (const std::system_error& e) {
        fail(e.what());
    }
}

void sqlite_file::check_version(int known) {
    const int found = database_->execAndGet("PRAGMA user_version").getInt();
    if (found > known)
        fail(fmt::format("a newer version of this program wrote it (format {}, {} is known here)",
                         found, known));
}

void sqlite_file::set_up(const sqlite_format& format) {
    database_->exec(format.of_new_file);
    database_->exec("PRAGMA journal_mode = WAL");
    database_->exec("PRAGMA synchronous = FULL");  // NORMAL loses commits on power loss
    database_->exec("PRAGMA mmap_size = 0");
    database_->exec("PRAGMA secure_delete = OFF");
    database_->exec(format.pragmas);
    // One transaction: a file is of one version or of the other, whatever happens meanwhile.
    SQLite::Transaction whole(*database_, SQLite::TransactionBehavior::IMMEDIATE);
    const bool older = database_->execAndGet("PRAGMA user_version").getInt() != format.version;
    const bool has_tables =
        database_->execAndGet("SELECT count(*) FROM sqlite_schema").getInt() > 0;
    if (older && has_tables && format.upgrade) format.upgrade(*database_);
    database_->exec(format.schema);
    if (older) database_->exec(fmt::format("PRAGMA user_version = {}", format.version));
    whole.commit();
}

SQLite::Statement& sqlite_file::prepared(std::unique_ptr<SQLite::Statement>& slot,
                                         const char* sql) {
    if (!slot) slot = std::make_unique<SQLite::Statement>(*database_, sql);
    slot->tryReset();  // it repeats the error of the last use, if there was one
    return *slot;
}

void sqlite_file::begin() {
    guarded([&] { database_->exec("BEGIN IMMEDIATE"); });
}

void sqlite_file::commit() {
    guarded([&] { database_->exec("COMMIT"); });
}

void sqlite_file::rollback() noexcept {
    if (::sqlite3_get_autocommit(database_->getHandle()) == 0)
        ::sqlite3_exec(database_->getHandle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

bool sqlite_file::is_deleted() const {
    return file_identity_ && is_deleted_but_open(*file_identity_);
}

void sqlite_file::drop_log() const {
    if (is_in_place() || !has_log_in_place()) return;
    std::error_code gone;
    std::filesystem::remove(log_path(), gone);
    std::filesystem::remove(path_.string() + "-shm", gone);
}

/// It waits for no reader: the loop would stand still for as long.
bool sqlite_file::empty_log() noexcept {
    sqlite3* const db = database_->getHandle();
    ::sqlite3_busy_timeout(db, 0);
    const int end =
        ::sqlite3_wal_checkpoint_v2(db, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
    ::sqlite3_busy_timeout(db, busy_ms);
    return end == SQLITE_OK;
}

}  // namespace supe
