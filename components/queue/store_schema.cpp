#include "components/queue/store_schema.hpp"

#include "components/webhook/webhook.hpp"

#include <fmt/format.h>
#include <chrono>
#include <sstream>

namespace components {
namespace {

constexpr const char* tables = R"(
    CREATE TABLE IF NOT EXISTS webhooks (
        seq         INTEGER PRIMARY KEY AUTOINCREMENT,
        id          TEXT NOT NULL UNIQUE,
        lane        INTEGER NOT NULL,
        state       INTEGER NOT NULL DEFAULT 0,  -- webhook_state.hpp
        turn        INTEGER,                     -- where it is not seq
        attempt     INTEGER NOT NULL DEFAULT 0,
        refused     INTEGER NOT NULL DEFAULT 0,
        delays      INTEGER NOT NULL DEFAULT 0,
        due_at      INTEGER NOT NULL DEFAULT 0,  -- of a dead one: when it died
        accepted_at INTEGER NOT NULL,
        revived_at  INTEGER,                     -- by an operator: its time begins anew
        order_key   TEXT,
        reason      TEXT,
        checksum    INTEGER,                     -- CRC-32C of id and text
        text        BLOB NOT NULL
    );
    CREATE INDEX IF NOT EXISTS waiting_by_turn ON webhooks (lane, coalesce(turn, seq))
        WHERE state = 0;
    CREATE INDEX IF NOT EXISTS failed_by_lane ON webhooks (lane, due_at) WHERE state = 1;
    CREATE INDEX IF NOT EXISTS dead_by_seq ON webhooks (seq) WHERE state = 2;
    CREATE INDEX IF NOT EXISTS with_a_turn ON webhooks (lane) WHERE state = 0 AND turn IS NOT NULL;
    CREATE INDEX IF NOT EXISTS by_state ON webhooks (state, lane) WHERE state > 0;
    CREATE INDEX IF NOT EXISTS kept_by_age ON webhooks (due_at) WHERE state = 4;
    CREATE INDEX IF NOT EXISTS by_key ON webhooks (lane, order_key, state, seq)
        WHERE order_key IS NOT NULL;
    CREATE TABLE IF NOT EXISTS routes (
        lane       INTEGER PRIMARY KEY,
        name       TEXT NOT NULL UNIQUE,
        paused     INTEGER NOT NULL DEFAULT 0,
        held_until INTEGER NOT NULL DEFAULT 0,
        accepted   INTEGER NOT NULL DEFAULT 0,
        delivered  INTEGER NOT NULL DEFAULT 0,
        dropped    INTEGER NOT NULL DEFAULT 0,
        duplicates INTEGER NOT NULL DEFAULT 0,
        pending    INTEGER NOT NULL DEFAULT 0,
        failed     INTEGER NOT NULL DEFAULT 0,
        dead       INTEGER NOT NULL DEFAULT 0,
        bytes      INTEGER NOT NULL DEFAULT 0,
        seen       INTEGER NOT NULL DEFAULT 0,
        replayed   INTEGER NOT NULL DEFAULT 0,
        kept       INTEGER NOT NULL DEFAULT 0,
        kept_bytes INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE IF NOT EXISTS attempts (
        seq    INTEGER NOT NULL,
        n      INTEGER NOT NULL,
        at     INTEGER NOT NULL,
        ms     INTEGER NOT NULL,
        status INTEGER NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (seq, n)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS seen (
        lane INTEGER NOT NULL,
        key  TEXT NOT NULL,
        at   INTEGER NOT NULL,
        PRIMARY KEY (lane, key)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS seen_by_age ON seen (lane, at);
    CREATE TABLE IF NOT EXISTS paths (
        first INTEGER PRIMARY KEY,  -- of a block of webhooks: `seq`
        last  INTEGER NOT NULL,
        paths BLOB NOT NULL         -- path_blocks.hpp
    );
    CREATE TABLE IF NOT EXISTS clock_steps (
        seq INTEGER PRIMARY KEY     -- of the first webhook after the clock was set back
    );
)";

/// Version 1 had one route and no ledger. Rows keep their place: a file of many GiB is not written
/// anew, its new columns are defaults. What the ledger does not know has not happened: what is
/// there counts as accepted now.
void upgrade_from_1(SQLite::Database& db) {
    if (!db.tableExists("webhooks")) return;
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now().time_since_epoch());
    db.exec("DROP INDEX IF EXISTS failed_by_due");
    db.exec("DROP INDEX IF EXISTS pending_by_seq");
    for (const std::string& column :
         {std::string("lane INTEGER NOT NULL DEFAULT 1"), std::string("turn INTEGER"),
          std::string("delays INTEGER NOT NULL DEFAULT 0"), std::string("order_key TEXT"),
          std::string("revived_at INTEGER"),
          fmt::format("accepted_at INTEGER NOT NULL DEFAULT {}", now.count())})
        db.exec("ALTER TABLE webhooks ADD COLUMN " + column);
    db.exec("UPDATE webhooks SET delays = max(attempt - 1, 0) WHERE state = 1");
    std::uint64_t pending = 0, failed = 0, dead = 0, bytes = 0;
    bool paused = false;
    if (db.tableExists("meta")) {
        SQLite::Statement counts(db, "SELECT value FROM meta WHERE key = 'counts'");
        if (counts.executeStep())
            std::istringstream(counts.getColumn(0).getString()) >> pending >> failed >> dead >>
                bytes;
        counts.reset();
        paused = db.execAndGet("SELECT count(*) FROM meta WHERE key = 'paused'").getInt() > 0;
        db.exec("DROP TABLE meta");
    }
    db.exec(queue_format().schema);
    db.exec(fmt::format(
        "INSERT INTO routes (lane, name, paused, accepted, pending, failed, dead, "
        "bytes) VALUES (1, '{}', {}, {}, {}, {}, {}, {})",
        default_route, paused ? 1 : 0, pending + failed + dead, pending, failed, dead, bytes));
}

/// Version 2 kept nothing that was delivered.
void upgrade_from_2(SQLite::Database& db) {
    db.exec("ALTER TABLE webhooks ADD COLUMN revived_at INTEGER");
    for (const char* column : {"replayed", "kept", "kept_bytes"})
        db.exec(fmt::format("ALTER TABLE routes ADD COLUMN {} INTEGER NOT NULL DEFAULT 0", column));
}

/// Version 3 has the same tables as 4. Its webhooks have their bodies in base64, and stay so.
/// Version 4 has neither checksums nor `paths`: the webhooks that are there have no checksum, no
/// block says what they are, and a search reads them.
void upgrade(SQLite::Database& db) {
    const int version = db.execAndGet("PRAGMA user_version").getInt();
    if (version < 2) upgrade_from_1(db);
    if (version == 2) upgrade_from_2(db);
    if (db.tableExists("webhooks")) db.exec("ALTER TABLE webhooks ADD COLUMN checksum INTEGER");
}

}  // namespace

supe::sqlite_format queue_format() {
    supe::sqlite_format f;
    f.version = queue_version;
    f.upgrade = upgrade;
    // A page holds whole webhooks, and what is left at its end is lost: of this size a tenth at
    // most where they have 1.5 KiB, in place of a quarter of 8 KiB. A commit writes whole pages
    // too, so that larger ones would cost more than they save. A checkpoint has 4 MiB of them, as
    // usual.
    f.of_new_file = "PRAGMA page_size = 16384";
    f.pragmas = R"(
        PRAGMA wal_autocheckpoint = 250;
        PRAGMA cache_size = -49152;  -- KiB
        PRAGMA journal_size_limit = 67108864;  -- bytes that the WAL keeps after a large batch
    )";
    f.schema = tables;
    return f;
}

}  // namespace components
