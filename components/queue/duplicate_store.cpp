// The keys by which the store knows duplicates.
#include "components/queue/webhook_store.hpp"

namespace components {
namespace {

constexpr std::uint64_t most_seen = 1'000'000;  // keys of a lane
constexpr int keys_at_once = 4;                 // for each key that comes, where some are old

}  // namespace

bool webhook_store::is_duplicate(std::int64_t lane, std::string_view key, std::int64_t now_ms,
                                 std::int64_t window_ms) {
    return file_.guarded([&] {
        auto& known = file_.prepared(saw_, "SELECT at FROM seen WHERE lane = ? AND key = ?");
        known.bind(1, lane);
        known.bind(2, std::string(key));
        std::optional<std::int64_t> at;
        if (known.executeStep()) at = known.getColumn(0).getInt64();
        known.tryReset();
        route_counts& n = routes_.at(lane).counts;
        if (at && *at > now_ms - window_ms) {
            ++n.duplicates;
            return true;
        }
        auto& s = file_.prepared(seen_, "INSERT OR REPLACE INTO seen VALUES (?, ?, ?)");
        s.bind(1, lane);
        s.bind(2, std::string(key));
        s.bind(3, now_ms);
        s.exec();
        if (!at) ++n.seen;
        forget_seen(lane, n.seen > most_seen ? now_ms : now_ms - window_ms);
        return false;
    });
}

void webhook_store::remember(std::int64_t lane, std::string_view key, std::int64_t at_ms) {
    file_.guarded([&] {
        SQLite::Statement s(file_.database(), "INSERT OR IGNORE INTO seen VALUES (?, ?, ?)");
        s.bind(1, lane);
        s.bind(2, std::string(key));
        s.bind(3, at_ms);
        if (s.exec() > 0) ++routes_.at(lane).counts.seen;
    });
}

void webhook_store::forget_seen(std::int64_t lane, std::int64_t before_ms) {
    auto& s = file_.prepared(forget_seen_,
                             "DELETE FROM seen WHERE lane = ?1 AND key IN (SELECT key FROM seen "
                             "WHERE lane = ?1 AND at <= ?2 ORDER BY at LIMIT ?3)");
    s.bind(1, lane);
    s.bind(2, before_ms);
    s.bind(3, keys_at_once);
    routes_.at(lane).counts.seen -= static_cast<std::uint64_t>(s.exec());
}

}  // namespace components
