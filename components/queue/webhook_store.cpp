#include "components/queue/webhook_store.hpp"

#include <fmt/format.h>
#include <sstream>

namespace components {
namespace {

enum state : int { pending = 0, failed = 1, dead = 2 };

supe::sqlite_format store_format() {
    supe::sqlite_format f;
    // Two webhooks of 1 KiB fill a page of the usual 4 KiB, and what is written goes by pages: with
    // this size a batch takes less time, and so does a checkpoint (4 MiB of them, as usual).
    f.of_new_file = "PRAGMA page_size = 8192";
    f.pragmas = R"(
        PRAGMA wal_autocheckpoint = 500;
        PRAGMA cache_size = -65536;  -- KiB
        PRAGMA journal_size_limit = 67108864;  -- bytes that the WAL keeps after a large batch
    )";
    f.schema = R"(
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
    return f;
}

/// As text: with pointer and size SQLiteCpp would bind a blob, which no one finds by its text.
void bind_text(SQLite::Statement& s, int index, std::string_view text) {
    s.bind(index, std::string(text));
}

}  // namespace

webhook_store::webhook_store(const std::filesystem::path& file) : file_(file, store_format()) {
    file_.guarded([&] { read_counts(); });
}

/// From the row that every commit keeps up to date: to count millions would keep senders waiting at
/// each start.
void webhook_store::read_counts() {
    SQLite::Statement kept(file_.database(), "SELECT value FROM meta WHERE key = 'counts'");
    if (kept.executeStep())
        std::istringstream(kept.getColumn(0).getString()) >> counts_.pending >> counts_.failed >>
            counts_.dead >> counts_.bytes;
    SQLite::Statement paused(file_.database(), "SELECT 1 FROM meta WHERE key = 'paused'");
    paused_ = paused.executeStep();
}

void webhook_store::write_counts() {
    auto& s =
        file_.prepared(counts_row_,
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
    file_.begin();
}

void webhook_store::commit() {
    file_.guarded([&] {
        if (counts_ != counts_at_begin_) write_counts();
    });
    file_.commit();
}

void webhook_store::rollback() noexcept {
    counts_ = counts_at_begin_;
    paused_ = paused_at_begin_;
    file_.rollback();
}

bool webhook_store::insert(std::string_view id, std::string_view text) {
    return file_.guarded([&] {
        auto& s =
            file_.prepared(insert_, "INSERT OR IGNORE INTO webhooks (id, text) VALUES (?, ?)");
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
    file_.guarded([&] {
        auto& s = file_.prepared(remove_,
                                 "DELETE FROM webhooks WHERE id = ? RETURNING state, length(text)");
        bind_text(s, 1, id);
        if (!s.executeStep()) return;
        --count_of(s.getColumn(0).getInt());
        counts_.bytes -= static_cast<std::uint64_t>(s.getColumn(1).getInt64());
        s.tryReset();
    });
}

std::optional<int> webhook_store::state_of(std::string_view id) {
    auto& s = file_.prepared(state_of_, "SELECT state FROM webhooks WHERE id = ?");
    bind_text(s, 1, id);
    std::optional<int> found;
    if (s.executeStep()) found = s.getColumn(0).getInt();
    s.tryReset();
    return found;
}

std::optional<stored_tries> webhook_store::tries_of(std::string_view id) {
    return file_.guarded([&] {
        auto& s = file_.prepared(
            tries_of_, "SELECT attempt, refused FROM webhooks WHERE id = ? AND state < 2");
        bind_text(s, 1, id);
        std::optional<stored_tries> found;
        if (s.executeStep()) found = {s.getColumn(0).getUInt(), s.getColumn(1).getUInt()};
        s.tryReset();
        return found;
    });
}

void webhook_store::mark_failed(std::string_view id, unsigned attempt, failure why,
                                std::int64_t due_at_ms) {
    file_.guarded([&] {
        const auto was = state_of(id);
        if (!was || *was == dead) return;
        auto& s =
            file_.prepared(fail_,
                           "UPDATE webhooks SET state = 1, attempt = ?, refused = refused + ?, "
                           "due_at = ? WHERE id = ?");
        s.bind(1, attempt);
        s.bind(2, why == failure::refusal ? 1 : 0);
        s.bind(3, due_at_ms);
        bind_text(s, 4, id);
        s.exec();
        --count_of(*was), ++counts_.failed;
    });
}

void webhook_store::mark_dead(std::string_view id, unsigned attempt, std::string_view reason,
                              std::int64_t now_ms) {
    file_.guarded([&] {
        const auto was = state_of(id);
        if (!was || *was == dead) return;
        auto& s = file_.prepared(
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

void webhook_store::bound_waits(std::int64_t latest_due_ms) {
    file_.guarded([&] {
        SQLite::Statement s(file_.database(),
                            "UPDATE webhooks SET due_at = ?1 WHERE state = 1 AND due_at > ?1");
        s.bind(1, latest_due_ms);
        s.exec();
    });
}

void webhook_store::set_paused(bool paused) {
    file_.guarded([&] {
        file_.database().exec(paused ? "INSERT OR REPLACE INTO meta VALUES ('paused', '1')"
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
    return file_.guarded([&] {
        auto& s =
            file_.prepared(pending_,
                           "SELECT seq, id, attempt, due_at, text FROM webhooks WHERE state = 0 "
                           "AND seq > ? ORDER BY seq");
        s.bind(1, seq);
        return read(s, limit);
    });
}

std::vector<stored_webhook> webhook_store::due_after(std::int64_t last_due_ms,
                                                     std::int64_t last_seq, std::int64_t now_ms,
                                                     read_limit limit) {
    return file_.guarded([&] {
        auto& s = file_.prepared(
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
    return file_.guarded([&] {
        SQLite::Statement s(file_.database(), select_dead + "AND seq > ? ORDER BY seq");
        s.bind(1, seq);
        return read_dead(s, limit);
    });
}

std::optional<dead_webhook> webhook_store::find_dead(std::string_view id) {
    return file_.guarded([&]() -> std::optional<dead_webhook> {
        SQLite::Statement s(file_.database(), select_dead + "AND id = ?");
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
    SQLite::Statement s(file_.database(), what + " WHERE " + which + then);
    id.empty() ? s.bind(1, static_cast<std::int64_t>(most)) : bind_text(s, 1, id);
    return s;
}

std::size_t webhook_store::revive(std::string_view id, std::size_t most, std::int64_t due_at_ms) {
    return file_.guarded([&] {
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
    return file_.guarded([&] {
        auto s = of_dead("DELETE FROM webhooks", " RETURNING length(text)", id, most);
        std::size_t dropped = 0;
        for (; s.executeStep(); ++dropped)
            counts_.bytes -= static_cast<std::uint64_t>(s.getColumn(0).getInt64());
        counts_.dead -= dropped;
        return dropped;
    });
}

std::uint64_t webhook_store::reusable_bytes() {
    return file_.guarded([&] {
        auto& s = file_.prepared(
            free_,
            "SELECT freelist_count * page_size FROM pragma_freelist_count(), pragma_page_size()");
        s.executeStep();
        const std::int64_t n = s.getColumn(0).getInt64();
        s.tryReset();
        return static_cast<std::uint64_t>(n);
    });
}

}  // namespace components
