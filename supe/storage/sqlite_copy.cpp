#include "supe/storage/sqlite_copy.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>
#include <cerrno>
#include <system_error>

namespace supe {
namespace {

constexpr int bytes_of_step = 4 << 20;

void sync_directory_of(const std::filesystem::path& file) {
    const unique_fd directory(::open(file.parent_path().c_str(), O_RDONLY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0)
        throw sqlite_error(file.string() + ": " + file_error(errno));
}

}  // namespace

sqlite_copy::sqlite_copy(sqlite_file& from) : from_(from), path_(from.path().string() + ".copy") {
    std::error_code none;
    std::filesystem::remove(path_, none);  // of an earlier life
    if (!open_private(path_, O_RDWR | O_CREAT))
        throw sqlite_error(path_.string() + ": " + file_error(errno));
    from.guarded([&] {
        to_ = std::make_unique<SQLite::Database>(path_.string(), SQLite::OPEN_READWRITE);
        backup_ = std::make_unique<SQLite::Backup>(*to_, from.database());
    });
}

sqlite_copy::~sqlite_copy() {
    backup_.reset();
    to_.reset();
    std::error_code none;
    std::filesystem::remove(path_, none);
    std::filesystem::remove(path_.string() + "-journal", none);
}

bool sqlite_copy::step() {
    return from_.guarded([&] {
        const int page = from_.database().execAndGet("PRAGMA page_size").getInt();
        return backup_->executeStep(bytes_of_step / page) != SQLITE_DONE;
    });
}

void sqlite_copy::put_in_place() {
    backup_.reset();
    to_.reset();
    from_.drop_log();
    std::error_code failed;
    std::filesystem::rename(path_, from_.path(), failed);
    if (failed) throw sqlite_error(from_.path().string() + ": " + failed.message());
    sync_directory_of(from_.path());
}

}  // namespace supe
