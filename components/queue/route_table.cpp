#include "components/queue/route_table.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace components {

route_counts& route_counts::operator+=(const route_counts& more) {
    accepted += more.accepted;
    delivered += more.delivered;
    dropped += more.dropped;
    duplicates += more.duplicates;
    replayed += more.replayed;
    pending += more.pending;
    failed += more.failed;
    dead += more.dead;
    bytes += more.bytes;
    kept += more.kept;
    kept_bytes += more.kept_bytes;
    seen += more.seen;
    return *this;
}

std::string ledger_text(const route_counts& n) {
    return fmt::format("accepted {}, delivered {}, dead {}, dropped {}, queued {}", n.accepted,
                       n.delivered, n.dead, n.dropped, n.queued());
}

route_table::route_table(supe::sqlite_file& file) : file_(file) {
    rows_ = file_.guarded([this] { return read_routes(file_.database()); });
    at_begin_ = rows_;
}

std::vector<route_row> read_routes(SQLite::Database& db) {
    std::vector<route_row> rows;
    SQLite::Statement s(db,
                        "SELECT lane, name, paused, held_until, accepted, delivered, dropped, "
                        "duplicates, pending, failed, dead, bytes, seen, replayed, kept, "
                        "kept_bytes FROM routes ORDER BY lane");
    const auto number = [&s](int column) {
        return static_cast<std::uint64_t>(s.getColumn(column).getInt64());
    };
    while (s.executeStep())
        rows.push_back({.lane = s.getColumn(0).getInt64(),
                        .name = s.getColumn(1).getString(),
                        .paused = s.getColumn(2).getInt() != 0,
                        .held_until = s.getColumn(3).getInt64(),
                        .counts = {.accepted = number(4),
                                   .delivered = number(5),
                                   .dropped = number(6),
                                   .duplicates = number(7),
                                   .replayed = number(13),
                                   .pending = number(8),
                                   .failed = number(9),
                                   .dead = number(10),
                                   .bytes = number(11),
                                   .kept = number(14),
                                   .kept_bytes = number(15),
                                   .seen = number(12)}});
    return rows;
}

route_counts route_table::totals() const {
    route_counts all;
    for (const route_row& r : rows_) all += r.counts;
    return all;
}

std::int64_t route_table::lane_of(std::string_view name) {
    const auto found = std::ranges::find(rows_, name, &route_row::name);
    if (found != rows_.end()) return found->lane;
    return file_.guarded([&] {
        const auto lane = static_cast<std::int64_t>(rows_.size()) + 1;
        SQLite::Statement s(file_.database(), "INSERT INTO routes (lane, name) VALUES (?, ?)");
        s.bind(1, lane);
        s.bind(2, std::string(name));
        s.exec();
        rows_.push_back({.lane = lane, .name = std::string(name)});
        return lane;
    });
}

void route_table::write_changes() {
    for (std::size_t i = 0; i < rows_.size(); ++i) {
        const route_row& r = rows_[i];
        if (i < at_begin_.size() && r == at_begin_[i]) continue;
        auto& s = file_.prepared(
            write_,
            "UPDATE routes SET paused = ?, held_until = ?, accepted = ?, delivered = ?, dropped = "
            "?, duplicates = ?, pending = ?, failed = ?, dead = ?, bytes = ?, seen = ?, replayed = "
            "?, kept = ?, kept_bytes = ? WHERE lane = ?");
        int index = 0;
        s.bind(++index, r.paused ? 1 : 0);
        for (const std::int64_t n :
             {r.held_until, static_cast<std::int64_t>(r.counts.accepted),
              static_cast<std::int64_t>(r.counts.delivered),
              static_cast<std::int64_t>(r.counts.dropped),
              static_cast<std::int64_t>(r.counts.duplicates),
              static_cast<std::int64_t>(r.counts.pending),
              static_cast<std::int64_t>(r.counts.failed), static_cast<std::int64_t>(r.counts.dead),
              static_cast<std::int64_t>(r.counts.bytes), static_cast<std::int64_t>(r.counts.seen),
              static_cast<std::int64_t>(r.counts.replayed),
              static_cast<std::int64_t>(r.counts.kept),
              static_cast<std::int64_t>(r.counts.kept_bytes), r.lane})
            s.bind(++index, n);
        s.exec();
    }
}

}  // namespace components
