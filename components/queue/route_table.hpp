// The routes that the store knows, with the ledger of each.
#pragma once

#include "supe/storage/sqlite_file.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace components {

/// The ledger of a route: accepted = delivered + dead + dropped + queued(), at every commit.
/// Duplicates are no part of it: they were acknowledged and not kept. A delivered webhook that is
/// replayed is queued again, and no longer one of `delivered`.
struct route_counts {
    std::uint64_t accepted = 0, delivered = 0, dropped = 0, duplicates = 0;
    std::uint64_t replayed = 0;  ///< how often a delivered one was queued again: only grows
    std::uint64_t pending = 0;   ///< waiting, and behind another one of their key
    std::uint64_t failed = 0, dead = 0;
    std::uint64_t bytes = 0;       ///< of all texts but those of `kept`
    std::uint64_t kept = 0;        ///< of `delivered`, those that are still in the file
    std::uint64_t kept_bytes = 0;  ///< of their texts
    std::uint64_t seen = 0;        ///< keys that are remembered against duplicates
    std::uint64_t queued() const { return pending + failed; }
    bool is_balanced() const { return accepted == delivered + dead + dropped + queued(); }
    bool operator==(const route_counts&) const = default;
    route_counts& operator+=(const route_counts& more);
};

/// For `supe status`: `accepted 120, delivered 118, dead 0, dropped 0, queued 2`.
std::string ledger_text(const route_counts& n);

struct route_row {
    std::int64_t lane = 0;  ///< its number in the file
    std::string name;
    bool paused = false;          ///< the destination answered 410
    std::int64_t held_until = 0;  ///< Unix time in ms: the destination said Retry-After
    route_counts counts{};
    bool operator==(const route_row&) const = default;
};

/// As the file has them, by their lanes.
std::vector<route_row> read_routes(SQLite::Database& db);

/// A copy of the table `routes` in memory. Changes are made here, and written with the transaction
/// in which they were made. Lanes have the numbers 1, 2, 3 …
class route_table {
public:
    explicit route_table(supe::sqlite_file& file);

    const std::vector<route_row>& all() const { return rows_; }
    route_row& at(std::int64_t lane) { return rows_[static_cast<std::size_t>(lane - 1)]; }
    route_counts totals() const;
    /// The lane of a route, which is added where it is new. Inside a transaction.
    std::int64_t lane_of(std::string_view name);

    void begin() { at_begin_ = rows_; }
    void write_changes();  ///< before the commit
    void rollback() { rows_ = at_begin_; }

private:
    supe::sqlite_file& file_;
    std::vector<route_row> rows_, at_begin_;
    std::unique_ptr<SQLite::Statement> write_;
};

}  // namespace components
