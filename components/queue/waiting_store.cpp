// What the store says to a lane: which webhooks come next.
#include "components/queue/webhook_store.hpp"

#include <string>

namespace components {
namespace {

const std::string read_whole =
    "SELECT seq, coalesce(turn, seq), id, attempt, due_at, coalesce(revived_at, accepted_at), "
    "text, order_key, checksum FROM webhooks WHERE ";
constexpr std::size_t most_of_newest = 2 << 20;  // bytes

}  // namespace

std::vector<stored_webhook> webhook_store::read(SQLite::Statement& s, read_limit limit) {
    std::vector<stored_webhook> found;
    std::size_t bytes = 0;
    while ((found.empty() || (found.size() < limit.count && bytes < limit.bytes)) &&
           s.executeStep()) {
        found.push_back({s.getColumn(0).getInt64(), s.getColumn(1).getInt64(),
                         s.getColumn(2).getString(), s.getColumn(3).getUInt(),
                         s.getColumn(4).getInt64(), s.getColumn(5).getInt64(),
                         s.getColumn(6).getString(), s.getColumn(7).getString()});
        stored_webhook& w = found.back();
        const SQLite::Column checksum = s.getColumn(8);  // of one from before version 5: NULL
        w.is_whole = checksum.isNull() || checksum.getInt64() == checksum_of(w.id, w.text);
        bytes += w.text.size();
    }
    s.tryReset();  // an open read would keep the WAL from being emptied
    return found;
}

std::vector<stored_webhook> webhook_store::waiting_after(std::int64_t lane, std::int64_t turn,
                                                         read_limit limit) {
    return file_.guarded([&] {
        static const std::string sql = read_whole +
                                       "state = 0 AND lane = ? AND coalesce(turn, seq) > ? "
                                       "ORDER BY coalesce(turn, seq)";
        auto& s = file_.prepared(waiting_, sql.c_str());
        s.bind(1, lane);
        s.bind(2, turn);
        return read(s, limit);
    });
}

std::vector<stored_webhook> webhook_store::newest_waiting(std::int64_t lane, std::size_t most) {
    return file_.guarded([&] {
        static const std::string sql =
            read_whole + "state = 0 AND lane = ? ORDER BY coalesce(turn, seq) DESC";
        auto& s = file_.prepared(newest_, sql.c_str());
        s.bind(1, lane);
        return read(s, {most, most_of_newest});
    });
}

std::vector<stored_webhook> webhook_store::failed_before(std::int64_t lane, std::int64_t seq) {
    return file_.guarded([&] {
        static const std::string sql =
            read_whole + "state > 0 AND state = 1 AND lane = ? AND seq < ? ORDER BY seq DESC";
        auto& s = file_.prepared(failed_before_, sql.c_str());
        s.bind(1, lane);
        s.bind(2, seq);
        return read(s, {1, most_of_newest});
    });
}

std::vector<stored_webhook> webhook_store::due_after(std::int64_t lane, std::int64_t last_due_ms,
                                                     std::int64_t last_seq, std::int64_t now_ms,
                                                     read_limit limit) {
    return file_.guarded([&] {
        static const std::string sql = read_whole +
                                       "state = 1 AND lane = ?1 AND due_at <= ?2 AND due_at >= "
                                       "?3 AND (due_at, seq) > (?3, ?4) ORDER BY due_at, seq";
        auto& s = file_.prepared(due_, sql.c_str());
        s.bind(1, lane);
        s.bind(2, now_ms);
        s.bind(3, last_due_ms);
        s.bind(4, last_seq);
        return read(s, limit);
    });
}

std::optional<std::int64_t> webhook_store::next_due(std::int64_t lane, std::int64_t last_due_ms) {
    return file_.guarded([&] {
        auto& s = file_.prepared(next_due_,
                                 "SELECT due_at FROM webhooks WHERE state = 1 AND lane = ? AND "
                                 "due_at > ? ORDER BY due_at LIMIT 1");
        s.bind(1, lane);
        s.bind(2, last_due_ms);
        std::optional<std::int64_t> at;
        if (s.executeStep()) at = s.getColumn(0).getInt64();
        s.tryReset();
        return at;
    });
}

/// `+id`: not by the index that is in doubt.
bool webhook_store::has_lost(std::int64_t seq, std::string_view id) {
    return file_.guarded([&] {
        SQLite::Statement row(file_.database(), "SELECT 1 FROM webhooks WHERE seq = ? AND +id = ?");
        row.bind(1, seq);
        row.bind(2, std::string(id));
        return row.executeStep() && !find(id);
    });
}

}  // namespace components
