#include "components/queue/webhook_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>
#include <sstream>

namespace components {
namespace {

enum state : int { pending = 0, failed = 1, dead = 2 };

constexpr const char* schema = R"(
    CREATE TABLE IF NOT EXISTS webhooks (
        seq     INTEGER PRIMARY KEY AUTOINCREMENT,
        id      TEXT NOT NULL UNIQUE,
        state   INTEGER NOT NULL DEFAULT 0,
        attempt INTEGER NOT NULL DEFAULT 0,
        refused INTEGER NOT NULL DEFAULT 0,
        due_at  INTEGER NOT NULL DEFAULT 0,  -- of a dead one: when it died
        reason  TEXT,
        text    BLOB NOT NULL
    );
    CREATE INDEX IF NOT EXISTS failed_by_due ON webhooks (due_at) WHERE state = 1;
    CREATE INDEX IF NOT EXISTS pending_by_seq ON webhooks (seq) WHERE state = 0;
    CREATE INDEX IF NOT EXISTS dead_by_seq ON webhooks (seq) WHERE state = 2;
    CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
)";

/// As text: with pointer and size SQLiteCpp would bind a blob, which no one finds by its text.
void bind_text(SQLite::Statement& s, int index, std::string_view text) {
    s.bind(index, std::string(text));
}

}  // namespace

/// SQLite's errors, told with the file's name.
template <class F>
auto webhook_store::guarded(F f) {
    try {
        return f();
    } catch (const SQLite::Exception& e) {
        throw store_error(fmt::format("{}: {}", file_.string(), e.what()));
    }
}

SQLite::Statement& webhook_store::prepared(std::unique_ptr<SQLite::Statement>& slot,
                                           const char* sql) {
    if (!slot) slot = std::make_unique<SQLite::Statement>(*db_, sql);
    slot->tryReset();  // it repeats the error of the last use, if there was one
    return *slot;
}

webhook_store::webhook_store(const std::filesystem::path& file) : file_(file) {
    // Made before SQLite sees it, so that nobody else can read it even for a moment; -wal and -shm
    // follow its mode.
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        throw store_error(
            fmt::format("{}: {}", file.string(), std::generic_category().message(errno)));
    ::close(fd);
    guarded([&] {
        db_ = std::make_unique<SQLite::Database>(
            file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, 5000);
        // Of a new file alone. Two webhooks of 1 KiB fill a page of the usual 4 KiB, and what is
        // written goes by pages: with this size a batch takes less time, and so does a checkpoint
        // (4 MiB of them, as usual).
        db_->exec("PRAGMA page_size = 8192");
        db_->exec("PRAGMA wal_autocheckpoint = 500");
        db_->exec("PRAGMA journal_mode = WAL");
        db_->exec("PRAGMA synchronous = FULL");  // WAL with NORMAL loses commits on power loss
        db_->exec("PRAGMA mmap_size = 0");
        db_->exec("PRAGMA cache_size = -65536");
        db_->exec("PRAGMA journal_size_limit = 67108864");  // bytes that the WAL keeps after a
                                                            // large batch
        db_->exec(schema);
        read_counts();
    });
}

/// From the row that every commit keeps up to date: to count millions would keep senders waiting at
/// each start.
void webhook_store::read_counts() {
    SQLite::Statement kept(*db_, "SELECT value FROM meta WHERE key = 'counts'");
    if (kept.executeStep())
        std::istringstream(kept.getColumn(0).getString()) >> counts_.pending >> counts_.failed >>
            counts_.dead >> counts_.bytes;
    SQLite::Statement paused(*db_, "SELECT 1 FROM meta WHERE key = 'paused'");
    paused_ = paused.executeStep();
}

void webhook_store::write_counts() {
    auto& s = prepared(counts_row_,
                       "INSERT INTO meta VALUES ('counts', ?) ON CONFLICT (key) DO UPDATE SET "
                       "value = excluded.value");
    bind_text(
        s, 1,
        fmt::format("{} {} {} {}", counts_.pending, counts_.failed, counts_.dead, counts_.bytes));
    s.exec();
}

std::uint64_t& webhook_store::count_of(int state) {
    return state == pending ? counts_.pending : state == failed ? counts_.failed : counts_.dead;
}

void webhook_store::begin() {
    counts_at_begin_ = counts_;
    paused_at_begin_ = paused_;
    guarded([&] { db_->exec("BEGIN IMMEDIATE"); });
}

void webhook_store::commit() {
    guarded([&] {
        if (counts_ != counts_at_begin_) write_counts();
        db_->exec("COMMIT");
    });
}

void webhook_store::rollback() noexcept {
    counts_ = counts_at_begin_;
    paused_ = paused_at_begin_;
    if (::sqlite3_get_autocommit(db_->getHandle()) == 0)
        ::sqlite3_exec(db_->getHandle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

bool webhook_store::insert(std::string_view id, std::string_view text) {
    return guarded([&] {
        auto& s = prepared(insert_, "INSERT OR IGNORE INTO webhooks (id, text) VALUES (?, ?)");
        bind_text(s, 1, id);
        s.bind(2, static_cast<const void*>(text.data()), static_cast<int>(text.size()));
        const bool fresh = s.exec() == 1;
        if (fresh) {
            ++counts_.pending;
            counts_.bytes += text.size();
        }
        return fresh;
    });
}

void webhook_store::remove(std::string_view id) {
    guarded([&] {
        auto& s =
            prepared(remove_, "DELETE FROM webhooks WHERE id = ? RETURNING state, length(text)");
        bind_text(s, 1, id);
        if (!s.executeStep()) return;
        --count_of(s.getColumn(0).getInt());
        counts_.bytes -= static_cast<std::uint64_t>(s.getColumn(1).getInt64());
        s.tryReset();
    });
}

std::optional<int> webhook_store::state_of(std::string_view id) {
    auto& s = prepared(state_of_, "SELECT state FROM webhooks WHERE id = ?");
    bind_text(s, 1, id);
    std::optional<int> found;
    if (s.executeStep()) found = s.getColumn(0).getInt();
    s.tryReset();
    return found;
}

std::optional<stored_tries> webhook_store::tries_of(std::string_view id) {
    return guarded([&] {
        auto& s =
            prepared(tries_of_, "SELECT attempt, refused FROM webhooks WHERE id = ? AND state < 2");
        bind_text(s, 1, id);
        std::optional<stored_tries> found;
        if (s.executeStep()) found = {s.getColumn(0).getUInt(), s.getColumn(1).getUInt()};
        s.tryReset();
        return found;
    });
}

void webhook_store::mark_failed(std::string_view id, unsigned attempt, bool refused,
                                std::int64_t due_at_ms) {
    guarded([&] {
        const auto was = state_of(id);
        if (!was || *was == dead) return;
        auto& s = prepared(fail_,
                           "UPDATE webhooks SET state = 1, attempt = ?, refused = refused + ?, "
                           "due_at = ? WHERE id = ?");
        s.bind(1, attempt);
        s.bind(2, refused ? 1 : 0);
        s.bind(3, due_at_ms);
        bind_text(s, 4, id);
        s.exec();
        --count_of(*was), ++counts_.failed;
    });
}

void webhook_store::mark_dead(std::string_view id, unsigned attempt, std::string_view reason,
                              std::int64_t now_ms) {
    guarded([&] {
        const auto was = state_of(id);
        if (!was || *was == dead) return;
        auto& s = prepared(
            kill_,
            "UPDATE webhooks SET state = 2, attempt = ?, reason = ?, due_at = ? WHERE id = ?");
        s.bind(1, attempt);
        bind_text(s, 2, reason);
        s.bind(3, now_ms);
        bind_text(s, 4, id);
        s.exec();
        --count_of(*was), ++counts_.dead;
    });
}

void webhook_store::set_paused(bool paused) {
    guarded([&] {
        db_->exec(paused ? "INSERT OR REPLACE INTO meta VALUES ('paused', '1')"
                         : "DELETE FROM meta WHERE key = 'paused'");
        paused_ = paused;
    });
}

std::vector<stored_webhook> webhook_store::read(SQLite::Statement& s, read_limit limit) {
    std::vector<stored_webhook> found;
    std::size_t bytes = 0;
    while ((found.empty() || (found.size() < limit.count && bytes < limit.bytes)) &&
           s.executeStep()) {
        const SQLite::Column text = s.getColumn(4);
        found.push_back({s.getColumn(0).getInt64(), s.getColumn(1).getString(),
                         s.getColumn(2).getUInt(), s.getColumn(3).getInt64(),
                         std::string(static_cast<const char*>(text.getBlob()),
                                     static_cast<std::size_t>(text.getBytes()))});
        bytes += found.back().text.size();
    }
    s.tryReset();  // an open read would keep the WAL from being emptied
    return found;
}

std::vector<stored_webhook> webhook_store::pending_after(std::int64_t seq, read_limit limit) {
    return guarded([&] {
        auto& s = prepared(pending_,
                           "SELECT seq, id, attempt, due_at, text FROM webhooks WHERE state = 0 "
                           "AND seq > ? ORDER BY seq");
        s.bind(1, seq);
        return read(s, limit);
    });
}

std::vector<stored_webhook> webhook_store::due_after(std::int64_t last_due_ms,
                                                     std::int64_t last_seq, std::int64_t now_ms,
                                                     read_limit limit) {
    return guarded([&] {
        auto& s = prepared(
            due_,
            "SELECT seq, id, attempt, due_at, text FROM webhooks WHERE state = 1 AND due_at < ?1 "
            "AND (due_at, seq) > (?2, ?3) ORDER BY due_at, seq");
        s.bind(1, now_ms);
        s.bind(2, last_due_ms);
        s.bind(3, last_seq);
        return read(s, limit);
    });
}

// --- the dead, for an operator: rare, so that no statement is kept ---

const std::string select_dead =
    "SELECT seq, id, attempt, due_at, reason, text FROM webhooks WHERE state = 2 ";

std::vector<dead_webhook> webhook_store::read_dead(SQLite::Statement& s, read_limit limit) {
    std::vector<dead_webhook> found;
    for (std::size_t bytes = 0;
         found.size() < limit.count && bytes < limit.bytes && s.executeStep();) {
        found.push_back({s.getColumn(0).getInt64(), s.getColumn(1).getString(),
                         s.getColumn(2).getUInt(), s.getColumn(3).getInt64(),
                         s.getColumn(4).getString(), s.getColumn(5).getString()});
        bytes += found.back().text.size();
    }
    return found;
}

std::vector<dead_webhook> webhook_store::dead_after(std::int64_t seq, read_limit limit) {
    return guarded([&] {
        SQLite::Statement s(*db_, select_dead + "AND seq > ? ORDER BY seq");
        s.bind(1, seq);
        return read_dead(s, limit);
    });
}

std::optional<dead_webhook> webhook_store::find_dead(std::string_view id) {
    return guarded([&]() -> std::optional<dead_webhook> {
        SQLite::Statement s(*db_, select_dead + "AND id = ?");
        bind_text(s, 1, id);
        auto found = read_dead(s, {1, 1});
        if (found.empty()) return std::nullopt;
        return std::move(found.front());
    });
}

/// `what` is done to the dead one of this id, or to the oldest `most` where there is none.
SQLite::Statement webhook_store::of_dead(const std::string& what, const std::string& then,
                                         std::string_view id, std::size_t most) {
    const std::string which =
        id.empty() ? "seq IN (SELECT seq FROM webhooks WHERE state = 2 ORDER BY seq LIMIT ?1)"
                   : "state = 2 AND id = ?1";
    SQLite::Statement s(*db_, what + " WHERE " + which + then);
    id.empty() ? s.bind(1, static_cast<std::int64_t>(most)) : bind_text(s, 1, id);
    return s;
}

std::size_t webhook_store::revive(std::string_view id, std::size_t most, std::int64_t due_at_ms) {
    return guarded([&] {
        auto s = of_dead("UPDATE webhooks SET state = 1, refused = 0, reason = NULL, due_at = ?2",
                         "", id, most);
        s.bind(2, due_at_ms);
        const auto revived = static_cast<std::size_t>(s.exec());
        counts_.dead -= revived;
        counts_.failed += revived;
        return revived;
    });
}

std::size_t webhook_store::drop_dead(std::string_view id, std::size_t most) {
    return guarded([&] {
        auto s = of_dead("DELETE FROM webhooks", " RETURNING length(text)", id, most);
        std::size_t dropped = 0;
        for (; s.executeStep(); ++dropped)
            counts_.bytes -= static_cast<std::uint64_t>(s.getColumn(0).getInt64());
        counts_.dead -= dropped;
        return dropped;
    });
}

std::uint64_t webhook_store::reusable_bytes() {
    return guarded([&] {
        auto& s = prepared(
            free_,
            "SELECT freelist_count * page_size FROM pragma_freelist_count(), pragma_page_size()");
        s.executeStep();
        const std::int64_t n = s.getColumn(0).getInt64();
        s.tryReset();
        return static_cast<std::uint64_t>(n);
    });
}

}  // namespace components
