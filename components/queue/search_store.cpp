// Searches of the store. The lists of states (with_a_turn, by_state, waiting_by_turn) are read side
// by side, each in order of arrival, so that a page takes as long with ten million webhooks as with
// a thousand. By path the parts of the file alone are read in which it may stand (path_blocks.hpp).
// By time the order of arrival is searched: the times of webhooks follow it, from one step of the
// clock back (clock_steps) to the next.
#include "components/queue/leading_members.hpp"
#include "components/queue/webhook_store.hpp"

#include <algorithm>

namespace components {
namespace {

using enum webhook_state;
using direction = search_range::direction;

constexpr std::size_t most_looked_at = 2000;  // in one turn
constexpr std::uint64_t most_bytes_looked_at = 4 << 20;
constexpr std::size_t cost_of_part = 100;  // of what is looked at: to find it, and to begin with it

/// The numbers of the webhooks of a lane in one state.
class number_list {
public:
    number_list(SQLite::Database& db, std::string_view where, const char* place, std::int64_t lane,
                const search_range& r)
        : rows_(db, "SELECT seq FROM webhooks " + std::string(where) + " AND lane = ? AND " +
                        place + " > ? AND " + place + " < ? ORDER BY " + place +
                        (r.order == direction::newest_first ? " DESC" : "")) {
        rows_.bind(1, lane);
        rows_.bind(2, r.after);
        rows_.bind(3, r.before);
        step();
    }
    const std::optional<std::int64_t>& front() const { return front_; }
    void step() {
        front_.reset();
        if (rows_.executeStep()) front_ = rows_.getColumn(0).getInt64();
    }

private:
    SQLite::Statement rows_;
    std::optional<std::int64_t> front_;
};

/// All lists in which what is meant may stand.
class number_lists {
public:
    number_lists(SQLite::Database& db, const webhook_filter& f, const search_range& r,
                 const std::vector<route_row>& routes)
        : order_(r.order) {
        for (const route_row& route : routes) {
            if (f.lane && *f.lane != route.lane) continue;
            const route_counts& n = route.counts;
            if (n.pending > 0 && is_meant(f, waiting)) {
                // In this index one that was behind another of its key has its turn for its place.
                add(db, "INDEXED BY waiting_by_turn WHERE state = 0 AND turn IS NULL",
                    "coalesce(turn, seq)", route.lane, r);
                add(db, "INDEXED BY with_a_turn WHERE state = 0 AND turn IS NOT NULL", "seq",
                    route.lane, r);
            }
            const std::pair<webhook_state, std::uint64_t> others[] = {
                {failed, n.failed}, {dead, n.dead}, {behind, n.pending}, {kept, n.kept}};
            for (const auto& [state, count] : others)
                if (count > 0 && is_meant(f, state))
                    add(db,
                        "INDEXED BY by_state WHERE state > 0 AND state = " +
                            std::to_string(static_cast<int>(state)),
                        "seq", route.lane, r);
        }
    }
    std::optional<std::int64_t> next() {
        number_list* first = nullptr;
        for (const auto& l : lists_)
            if (l->front() && (!first || comes_before(*l->front(), *first->front())))
                first = l.get();
        if (!first) return std::nullopt;
        const std::int64_t number = *first->front();
        first->step();
        return number;
    }
    bool is_empty() const {
        return std::ranges::none_of(lists_, [](const auto& l) { return l->front().has_value(); });
    }

private:
    static bool is_meant(const webhook_filter& f, webhook_state s) {
        return f.states.empty() || std::ranges::find(f.states, s) != f.states.end();
    }
    bool comes_before(std::int64_t a, std::int64_t b) const {
        return order_ == direction::newest_first ? a > b : a < b;
    }
    void add(SQLite::Database& db, std::string_view where, const char* place, std::int64_t lane,
             const search_range& r) {
        lists_.push_back(std::make_unique<number_list>(db, where, place, lane, r));
    }

    direction order_;
    std::vector<std::unique_ptr<number_list>> lists_;
};

std::string_view text_in_place(const SQLite::Column& column) {
    return {static_cast<const char*>(column.getBlob()),
            static_cast<std::size_t>(column.getBytes())};
}

const char* const overview =
    "SELECT seq, id, lane, state, attempt, due_at, accepted_at, reason, text FROM webhooks WHERE ";

webhook_overview overview_in(SQLite::Statement& s) {
    webhook_overview w;
    w.seq = s.getColumn(0).getInt64();
    w.id = s.getColumn(1).getString();
    w.lane = s.getColumn(2).getInt64();
    w.state = static_cast<webhook_state>(s.getColumn(3).getInt());
    w.attempt = s.getColumn(4).getUInt();
    w.due_at = s.getColumn(5).getInt64();
    w.accepted_at = s.getColumn(6).getInt64();
    w.reason = s.getColumn(7).getString();
    const std::string_view text = text_in_place(s.getColumn(8));
    w.bytes = text.size();
    request_line asked = request_in(text);
    w.method = std::move(asked.method);
    w.target = std::move(asked.target);
    return w;
}

/// The number of the first webhook from `low` on that was accepted at this time or later; `high`
/// where there is none before it. Between the two the times follow the order.
std::int64_t first_since(SQLite::Database& db, std::int64_t low, std::int64_t high,
                         std::int64_t at_ms) {
    SQLite::Statement near(
        db,
        "SELECT seq, accepted_at FROM webhooks WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT 1");
    while (low < high) {
        const std::int64_t middle = low + (high - low) / 2;
        near.reset();
        near.bind(1, middle);
        near.bind(2, high);
        const bool is_later = !near.executeStep() || near.getColumn(1).getInt64() >= at_ms;
        if (is_later) {
            high = middle;
        } else {
            low = near.getColumn(0).getInt64() + 1;
        }
    }
    return low;
}

/// The numbers of the first webhook, of each one from which on the times begin anew, and of the one
/// that is to come.
std::vector<std::int64_t> borders_of_time(SQLite::Database& db) {
    // Each by itself: SQLite finds one end of an index at once, and both by reading all of it.
    const auto end = [&](const char* which) {
        return db.execAndGet("SELECT coalesce(" + std::string(which) + "(seq), 0) FROM webhooks")
            .getInt64();
    };
    const std::int64_t first = end("min"), last = end("max");
    std::vector<std::int64_t> all{first};
    SQLite::Statement steps(db,
                            "SELECT seq FROM clock_steps WHERE seq > ? AND seq <= ? ORDER BY seq");
    steps.bind(1, first);
    steps.bind(2, last);
    while (steps.executeStep()) all.push_back(steps.getColumn(0).getInt64());
    all.push_back(last + 1);
    return all;
}

}  // namespace

bool path_fits(std::string_view wanted, std::string_view target) {
    const std::string_view path = target.substr(0, target.find('?'));
    if (!wanted.ends_with('*')) return path == wanted;
    wanted.remove_suffix(1);
    return path.starts_with(wanted);
}

/// To the numbers between which all stand that came in the time that is meant.
void webhook_store::narrow_by_time(const webhook_filter& f, search_range& r) {
    if (f.since <= 0 && f.until == webhook_filter().until) return;
    SQLite::Database& db = file_.database();
    const std::vector<std::int64_t> borders = borders_of_time(db);
    std::int64_t first = borders.back(), end = borders.front();
    for (std::size_t i = 1; i < borders.size(); ++i) {
        const std::int64_t since = first_since(db, borders[i - 1], borders[i], f.since),
                           until = first_since(db, since, borders[i], f.until);
        if (since == until) continue;
        first = std::min(first, since);
        end = std::max(end, until);
    }
    r.after = std::max(r.after, first - 1);
    r.before = std::min(r.before, end);
}

search_page webhook_store::search(const webhook_filter& f, search_range r, read_limit limit) {
    return file_.guarded([&] {
        narrow_by_time(f, r);
        const auto key = f.path.empty() ? std::nullopt : key_of_search(f.path);
        SQLite::Statement whole(file_.database(), std::string(overview) + "seq = ?");
        search_page page;
        std::size_t looked_at = 0;
        std::uint64_t bytes = 0;
        const auto has_room = [&] {
            return page.found.size() < limit.count && looked_at < most_looked_at &&
                   bytes < std::min<std::uint64_t>(limit.bytes, most_bytes_looked_at);
        };
        const auto look_at = [&](std::int64_t number) {
            whole.reset();
            whole.bind(1, number);
            if (!whole.executeStep()) return;
            webhook_overview w = overview_in(whole);
            ++looked_at;
            bytes += w.bytes;
            const bool has_ended_since = (w.state == dead || w.state == kept) &&
                                         w.due_at > f.not_ended.since &&
                                         w.due_at <= f.not_ended.until;
            const bool fits = w.accepted_at >= f.since && w.accepted_at < f.until &&
                              !has_ended_since && (f.path.empty() || path_fits(f.path, w.target));
            if (fits) page.found.push_back(std::move(w));
        };
        while (has_room() && !r.is_empty()) {
            const auto part = key ? paths_.next_part(r, *key) : std::optional(r);
            if (!part) break;
            looked_at += key ? cost_of_part : 0;
            number_lists lists(file_.database(), f, *part, routes_.all());
            while (has_room()) {
                const auto number = lists.next();
                if (!number) break;
                r.pass(*number);
                look_at(*number);
            }
            if (lists.is_empty()) r.pass_all_of(*part);
        }
        if (!r.is_empty()) page.rest = r;
        return page;
    });
}

std::optional<webhook_overview> webhook_store::look_up(std::string_view id) {
    return file_.guarded([&]() -> std::optional<webhook_overview> {
        SQLite::Statement s(file_.database(), std::string(overview) + "id = ?");
        s.bind(1, std::string(id));
        if (!s.executeStep()) return std::nullopt;
        return overview_in(s);
    });
}

std::string webhook_store::text_of(std::int64_t seq) {
    return file_.guarded([&] {
        SQLite::Statement s(file_.database(), "SELECT text FROM webhooks WHERE seq = ?");
        s.bind(1, seq);
        return s.executeStep() ? std::string(text_in_place(s.getColumn(0))) : std::string();
    });
}

std::int64_t webhook_store::last_number() {
    return file_.guarded([&] {
        return file_.database().execAndGet("SELECT coalesce(max(seq), 0) FROM webhooks").getInt64();
    });
}

/// The arrivals are in the order of `seq`. What waits has it, or a turn for its place, which is
/// never before its `seq`.
std::optional<std::int64_t> webhook_store::oldest_arrival(std::int64_t lane) {
    return file_.guarded([&]() -> std::optional<std::int64_t> {
        auto& s = file_.prepared(
            oldest_,
            "SELECT min(accepted_at) FROM (SELECT * FROM (SELECT accepted_at FROM webhooks INDEXED "
            "BY waiting_by_turn WHERE state = 0 AND lane = ?1 ORDER BY coalesce(turn, seq) LIMIT "
            "1) UNION ALL SELECT * FROM (SELECT accepted_at FROM webhooks INDEXED BY with_a_turn "
            "WHERE state = 0 AND turn IS NOT NULL AND lane = ?1 ORDER BY seq LIMIT 1) UNION ALL "
            "SELECT * FROM (SELECT accepted_at FROM webhooks INDEXED BY by_state WHERE state > 0 "
            "AND state = 1 AND lane = ?1 ORDER BY seq LIMIT 1) UNION ALL SELECT * FROM (SELECT "
            "accepted_at FROM webhooks INDEXED BY by_state WHERE state > 0 AND state = 3 AND lane "
            "= ?1 ORDER BY seq LIMIT 1))");
        s.bind(1, lane);
        std::optional<std::int64_t> first;
        if (s.executeStep() && !s.getColumn(0).isNull()) first = s.getColumn(0).getInt64();
        s.tryReset();
        return first;
    });
}

/// No lane has the number 0. SQLite writes no page in which nothing changes.
void webhook_store::try_to_write() {
    file_.guarded([&] {
        file_.database().exec("INSERT OR REPLACE INTO seen (lane, key, at) VALUES (0, '', 0)");
        file_.database().exec("DELETE FROM seen WHERE lane = 0");
    });
}

}  // namespace components
