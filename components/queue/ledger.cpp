#include "components/queue/ledger.hpp"

#include "components/queue/store_schema.hpp"

#include <fmt/format.h>
#include <map>

namespace components {
namespace {

constexpr int wait_ms = 5000;  // for a queue that has just begun

std::uint64_t number_at(SQLite::Statement& s, int column) {
    return static_cast<std::uint64_t>(s.getColumn(column).getInt64());
}

std::map<std::int64_t, route_counts> counts_of_rows(SQLite::Database& db) {
    std::map<std::int64_t, route_counts> all;
    SQLite::Statement rows(db,
                           "SELECT lane, sum(state IN (0, 3)), sum(state = 1), sum(state = 2), "
                           "sum(length(text) * (state <> 4)), sum(state = 4), "
                           "sum(length(text) * (state = 4)) FROM webhooks GROUP BY lane");
    while (rows.executeStep()) {
        route_counts& n = all[rows.getColumn(0).getInt64()];
        n.pending = number_at(rows, 1);
        n.failed = number_at(rows, 2);
        n.dead = number_at(rows, 3);
        n.bytes = number_at(rows, 4);
        n.kept = number_at(rows, 5);
        n.kept_bytes = number_at(rows, 6);
    }
    SQLite::Statement seen(db, "SELECT lane, count(*) FROM seen GROUP BY lane");
    while (seen.executeStep()) all[seen.getColumn(0).getInt64()].seen = number_at(seen, 1);
    return all;
}

std::vector<ledger_line> compare(SQLite::Database& db) {
    auto rows = counts_of_rows(db);
    std::vector<ledger_line> all;
    for (const route_row& r : read_routes(db)) {
        all.push_back({r.name, r.counts, rows[r.lane]});
        rows.erase(r.lane);
    }
    for (const auto& [lane, counts] : rows)
        all.push_back({fmt::format("lane {} without a route", lane), {}, counts});
    return all;
}

}  // namespace

bool ledger_line::is_right() const {
    return counters.is_balanced() && counters.pending == rows.pending &&
           counters.failed == rows.failed && counters.dead == rows.dead &&
           counters.bytes == rows.bytes && counters.kept == rows.kept &&
           counters.kept_bytes == rows.kept_bytes && counters.seen == rows.seen;
}

std::string ledger_line::text() const {
    const route_counts& n = counters;
    std::string said = fmt::format(
        "{}: accepted {} {} delivered {} + dead {} + dropped {} + queued {} (duplicates: {})",
        route, n.accepted, n.is_balanced() ? "=" : "IS NOT", n.delivered, n.dead, n.dropped,
        n.queued(), n.duplicates);
    if (is_right()) return said;
    return said + fmt::format(
                      "; counted: pending {}, failed {}, dead {}, bytes {}, kept {}; rows: "
                      "pending {}, failed {}, dead {}, bytes {}, kept {}",
                      n.pending, n.failed, n.dead, n.bytes, n.kept, rows.pending, rows.failed,
                      rows.dead, rows.bytes, rows.kept);
}

std::vector<ledger_line> check_ledger(const std::filesystem::path& file) {
    try {
        SQLite::Database db(file.string(), SQLite::OPEN_READONLY, wait_ms);
        SQLite::Transaction one_moment(db);
        const int version = db.execAndGet("PRAGMA user_version").getInt();
        if (version != queue_version)
            throw supe::sqlite_error(
                fmt::format("{}: it is of version {}, and this program knows the ledger of version "
                            "{}: a relay that starts with it makes it one",
                            file.string(), version, queue_version));
        return compare(db);
    } catch (const SQLite::Exception& e) {
        throw supe::sqlite_error(fmt::format("{}: {}", file.string(), e.what()));
    }
}

}  // namespace components
