// What an operator does to the store: rare, so that no statement is kept.
#include "components/queue/attempt_row.hpp"

namespace components {
namespace {

const std::string select_dead =
    "SELECT seq, id, attempt, due_at, reason, text, lane FROM webhooks WHERE state = 2 ";

void bind_id(SQLite::Statement& s, std::string_view id) { s.bind(1, std::string(id)); }

}  // namespace

std::vector<dead_webhook> webhook_store::read_dead(SQLite::Statement& s, read_limit limit) {
    std::vector<dead_webhook> found;
    for (std::size_t bytes = 0;
         found.size() < limit.count && bytes < limit.bytes && s.executeStep();) {
        found.push_back({s.getColumn(0).getInt64(), s.getColumn(1).getString(),
                         routes_.at(s.getColumn(6).getInt64()).name, s.getColumn(2).getUInt(),
                         s.getColumn(3).getInt64(), s.getColumn(4).getString(),
                         s.getColumn(5).getString()});
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
        bind_id(s, id);
        auto found = read_dead(s, {1, 1});
        if (found.empty()) return std::nullopt;
        return std::move(found.front());
    });
}

std::vector<attempt_note> webhook_store::attempts_of(std::int64_t seq) {
    return file_.guarded([&] {
        SQLite::Statement s(file_.database(), std::string(select_attempts) + "ORDER BY n");
        s.bind(1, seq);
        std::vector<attempt_note> all;
        while (s.executeStep()) all.push_back(attempt_in(s));
        return all;
    });
}

std::optional<attempt_note> webhook_store::last_attempt_of(std::int64_t seq) {
    return file_.guarded([&] {
        SQLite::Statement s(file_.database(),
                            std::string(select_attempts) + "ORDER BY n DESC LIMIT 1");
        s.bind(1, seq);
        return s.executeStep() ? std::optional(attempt_in(s)) : std::nullopt;
    });
}

void webhook_store::make_due(std::int64_t lane, std::int64_t due_at_ms) {
    file_.guarded([&] {
        SQLite::Statement s(
            file_.database(),
            "UPDATE webhooks SET due_at = ?1 WHERE state = 1 AND lane = ?2 AND due_at > ?1");
        s.bind(1, due_at_ms);
        s.bind(2, lane);
        s.exec();
    });
}

void webhook_store::bound_waits(std::int64_t latest_ms) {
    for (const route_row& r : routes_.all()) {
        make_due(r.lane, latest_ms);
        auto& held = routes_.at(r.lane).held_until;
        held = std::min(held, latest_ms);
    }
}

/// The dead one of this id, or the oldest `most` where there is none.
std::vector<webhook_store::row> webhook_store::oldest_dead(std::string_view id, std::size_t most) {
    SQLite::Statement s(
        file_.database(),
        std::string("SELECT seq, lane, state, order_key, length(text), attempt FROM "
                    "webhooks WHERE state = 2 ") +
            (id.empty() ? "ORDER BY seq LIMIT ?" : "AND id = ?"));
    id.empty() ? s.bind(1, static_cast<std::int64_t>(most)) : bind_id(s, id);
    std::vector<row> found;
    while (s.executeStep()) found.push_back(row_in(s));
    return found;
}

/// The tries before are history: it has its whole time and all its tries anew.
std::size_t webhook_store::revive_all(const std::vector<row>& all, std::int64_t now_ms) {
    SQLite::Statement s(file_.database(),
                        "UPDATE webhooks SET refused = 0, delays = 0, reason = NULL, due_at = ?1, "
                        "revived_at = ?1, turn = NULL WHERE seq = ?2");
    std::size_t done = 0;
    for (const row& r : all) {
        const bool taken = !r.order_key.empty() && key_is_taken(r.lane, r.order_key);
        if (!change(r, taken ? webhook_event::revived_behind : webhook_event::revived)) continue;
        s.reset();
        s.bind(1, now_ms);
        s.bind(2, r.seq);
        s.exec();
        ++done;
    }
    return done;
}

std::size_t webhook_store::remove_all(const std::vector<row>& all, webhook_event why) {
    SQLite::Statement s(file_.database(), "DELETE FROM webhooks WHERE seq = ?");
    for (const row& r : all) {
        s.reset();
        s.bind(1, r.seq);
        s.exec();
        change(r, why);
    }
    return all.size();
}

std::size_t webhook_store::revive(std::string_view id, std::size_t most, std::int64_t now_ms) {
    return file_.guarded([&] { return revive_all(oldest_dead(id, most), now_ms); });
}

std::size_t webhook_store::drop_dead(std::string_view id, std::size_t most) {
    return file_.guarded([&] { return remove_all(oldest_dead(id, most), webhook_event::dropped); });
}

/// One by one: what becomes of one changes who is next of its key.
std::size_t webhook_store::replay(const std::vector<std::string>& ids, std::int64_t now_ms) {
    return file_.guarded([&] {
        std::size_t done = 0;
        for (const std::string& id : ids)
            if (const auto r = find(id)) done += revive_all({*r}, now_ms);
        return done;
    });
}

std::size_t webhook_store::drop(const std::vector<std::string>& ids) {
    return file_.guarded([&] {
        std::size_t done = 0;
        for (const std::string& id : ids)
            if (const auto r = find(id)) done += remove_all({*r}, webhook_event::dropped);
        return done;
    });
}

std::size_t webhook_store::drop_queued(std::int64_t lane, std::size_t most) {
    return file_.guarded([&] {
        SQLite::Statement some(
            file_.database(),
            "SELECT id FROM webhooks WHERE lane = ? AND state NOT IN (2, 4) ORDER BY seq LIMIT ?");
        some.bind(1, lane);
        some.bind(2, static_cast<std::int64_t>(most));
        std::vector<std::string> ids;
        while (some.executeStep()) ids.push_back(some.getColumn(0).getString());
        return drop(ids);
    });
}

std::size_t webhook_store::forget_kept(std::int64_t delivered_until_ms, read_limit limit) {
    return file_.guarded([&] {
        SQLite::Statement s(file_.database(),
                            "SELECT seq, lane, length(text), attempt FROM webhooks WHERE state = 4 "
                            "AND due_at <= ? ORDER BY due_at LIMIT ?");
        s.bind(1, delivered_until_ms);
        s.bind(2, static_cast<std::int64_t>(limit.count));
        std::vector<row> old;
        for (std::size_t bytes = 0; bytes < limit.bytes && s.executeStep();) {
            const auto size = static_cast<std::uint64_t>(s.getColumn(2).getInt64());
            old.push_back({s.getColumn(0).getInt64(),
                           s.getColumn(1).getInt64(),
                           webhook_state::kept,
                           {},
                           size,
                           s.getColumn(3).getUInt()});
            bytes += size;
        }
        return remove_all(old, webhook_event::expired);
    });
}

/// What was read may lack the first one of a key: then the next one is the first.
bool webhook_store::restore(const new_webhook& w, const restored_state& was) {
    using enum webhook_state;
    return file_.guarded([&] {
        if (!insert(w)) return false;
        const auto now = find(w.id);
        const bool goes_on = was.state == failed && now->state == waiting;
        const bool stays = was.state == dead || was.state == kept || goes_on;
        const webhook_state state = stays ? was.state : now->state;
        const auto event = state == kept ? webhook_event::delivered_and_kept : webhook_event::tried;
        count(*now, event, state);
        SQLite::Statement s(file_.database(),
                            "UPDATE webhooks SET state = ?, attempt = ?, refused = ?, delays = ?, "
                            "due_at = ?, reason = nullif(?, '') WHERE id = ?");
        s.bind(1, static_cast<int>(state));
        s.bind(2, was.tries.attempt);
        s.bind(3, was.tries.refused);
        s.bind(4, was.tries.delays);
        s.bind(5, was.due_at);
        s.bind(6, was.reason);
        s.bind(7, std::string(w.id));
        s.exec();
        for (const attempt_note& n : was.attempts) note(now->seq, n);
        return true;
    });
}

}  // namespace components
