#include "components/queue/webhook_store.hpp"

#include "components/queue/checksum.hpp"
#include "components/queue/leading_members.hpp"
#include "components/queue/store_schema.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <utility>

namespace components {
namespace {

using enum webhook_state;
using enum webhook_event;

constexpr unsigned first_notes = 3, last_notes = 7;  // of the tries of a webhook
constexpr std::size_t longest_reason = 200;          // bytes of a note

/// As text: with pointer and size SQLiteCpp would bind a blob, which no one finds by its text.
void bind_text(SQLite::Statement& s, int index, std::string_view text) {
    s.bind(index, std::string(text));
}

}  // namespace

std::int64_t webhook_store::checksum_of(std::string_view id, std::string_view text) {
    return crc32c(text, crc32c(id));
}

webhook_store::webhook_store(const std::filesystem::path& file)
    : file_(file, queue_format()), routes_(file_), paths_(file_) {
    file_.guarded([&] {
        SQLite::Statement used(file_.database(),
                               "SELECT seq FROM sqlite_sequence WHERE name = 'webhooks'");
        if (used.executeStep()) last_number_ = used.getColumn(0).getInt64();
        SQLite::Statement latest(file_.database(),
                                 "SELECT accepted_at FROM webhooks ORDER BY seq DESC LIMIT 1");
        if (latest.executeStep()) last_arrival_ = last_committed_ = latest.getColumn(0).getInt64();
        for (const route_row& r : routes_.all()) {
            SQLite::Statement turn(file_.database(),
                                   "SELECT max(coalesce(turn, seq)) FROM webhooks WHERE lane = ? "
                                   "AND state = 0");
            turn.bind(1, r.lane);
            if (!turn.executeStep() || turn.getColumn(0).isNull()) continue;
            note_place(r.lane, turn.getColumn(0).getInt64());
            last_number_ = std::max(last_number_, last_place(r.lane));
        }
    });
}

void webhook_store::begin() {
    routes_.begin();
    last_committed_ = last_arrival_;
    file_.begin();
}

void webhook_store::commit() {
    file_.guarded([&] { routes_.write_changes(); });
    file_.commit();
}

void webhook_store::rollback() noexcept {
    routes_.rollback();
    last_arrival_ = last_committed_;
    file_.rollback();
}

std::unique_ptr<supe::sqlite_copy> webhook_store::copy_of_deleted() {
    const std::filesystem::path& path = file_.path();
    std::error_code missing;
    if (!file_.is_deleted() || supe::identity_at(path) ||
        !std::filesystem::exists(std::filesystem::absolute(path).parent_path(), missing))
        return nullptr;
    return std::make_unique<supe::sqlite_copy>(file_);
}

std::filesystem::path webhook_store::lost_file() const {
    if (!file_.is_in_place()) return file_.path();
    return file_.has_log_in_place() ? std::filesystem::path() : file_.log_path();
}

// --- one state to the next ---

std::uint64_t& webhook_store::count_of(std::int64_t lane, webhook_state s) {
    route_counts& n = routes_.at(lane).counts;
    return s == failed ? n.failed : s == dead ? n.dead : s == kept ? n.kept : n.pending;
}

/// The ledger. A kept one counts as delivered, whatever becomes of what is kept of it; one that is
/// replayed is queued again, and delivered when it arrives once more.
void webhook_store::count(const row& r, webhook_event what, webhook_state next) {
    route_counts& n = routes_.at(r.lane).counts;
    --count_of(r.lane, r.state);
    (r.state == kept ? n.kept_bytes : n.bytes) -= r.bytes;
    if (next != gone) {
        ++count_of(r.lane, next);
        (next == kept ? n.kept_bytes : n.bytes) += r.bytes;
    }
    if (r.state == kept) {
        if (next == gone) return;
        --n.delivered;
        ++n.replayed;
    } else if (next == kept || what == delivered) {
        ++n.delivered;
    } else if (next == gone) {
        ++n.dropped;
    }
}

bool webhook_store::change(const row& r, webhook_event what) {
    const auto next = after(r.state, what);
    if (!next) return false;
    count(r, what, *next);
    if (*next == gone) {
        if (r.attempt > 0) {
            auto& s = file_.prepared(drop_notes_, "DELETE FROM attempts WHERE seq = ?");
            s.bind(1, r.seq);
            s.exec();
        }
    } else {
        auto& s = file_.prepared(state_, "UPDATE webhooks SET state = ? WHERE seq = ?");
        s.bind(1, static_cast<int>(*next));
        s.bind(2, r.seq);
        s.exec();
    }
    if (is_first_of_key(r.state) && !is_first_of_key(*next)) let_next_of_key(r);
    return true;
}

bool webhook_store::key_is_taken(std::int64_t lane, const std::string& key) {
    auto& s = file_.prepared(key_taken_,
                             "SELECT 1 FROM webhooks WHERE lane = ? AND order_key = ? AND state IN "
                             "(0, 1) LIMIT 1");
    s.bind(1, lane);
    bind_text(s, 2, key);
    const bool found = s.executeStep();
    s.tryReset();
    return found;
}

void webhook_store::note_place(std::int64_t lane, std::int64_t turn) {
    const auto count = static_cast<std::size_t>(lane);
    if (last_places_.size() < count) last_places_.resize(count);
    last_places_[count - 1] = turn;
}

std::int64_t webhook_store::last_place(std::int64_t lane) const {
    const auto count = static_cast<std::size_t>(lane);
    return count <= last_places_.size() ? last_places_[count - 1] : 0;
}

/// A search by time goes by the order of arrival, from one step of the clock to the next.
void webhook_store::note_arrival(std::int64_t accepted_at) {
    if (accepted_at < std::exchange(last_arrival_, accepted_at)) {
        SQLite::Database& db = file_.database();
        db.exec("DELETE FROM clock_steps WHERE seq <= (SELECT min(seq) FROM webhooks)");
        SQLite::Statement step(db, "INSERT OR IGNORE INTO clock_steps VALUES (?)");
        step.bind(1, last_number_);
        step.exec();
    }
}

/// Behind all that wait now: so the keys take turns (patterns/fair_queue.hpp).
void webhook_store::let_next_of_key(const row& left) {
    if (left.order_key.empty() || key_is_taken(left.lane, left.order_key)) return;
    auto& s = file_.prepared(next_of_key_,
                             "SELECT seq FROM webhooks WHERE lane = ? AND order_key = ? AND state "
                             "= 3 ORDER BY seq LIMIT 1");
    s.bind(1, left.lane);
    bind_text(s, 2, left.order_key);
    if (!s.executeStep()) return;
    row next{s.getColumn(0).getInt64(), left.lane, behind, {}, 0, 0};
    s.tryReset();
    change(next, turn);
    auto& t = file_.prepared(turn_, "UPDATE webhooks SET turn = ? WHERE seq = ?");
    t.bind(1, ++last_number_);
    t.bind(2, next.seq);
    t.exec();
    note_place(left.lane, last_number_);
}

bool webhook_store::insert(const new_webhook& w) {
    return file_.guarded([&] {
        const bool ordered = !w.order_key.empty();
        const auto state =
            after(gone, ordered && key_is_taken(w.lane, w.order_key) ? arrived_behind : arrived);
        auto& s =
            file_.prepared(insert_,
                           "INSERT OR IGNORE INTO webhooks (seq, id, lane, state, "
                           "accepted_at, order_key, checksum, text) VALUES (?, ?, ?, ?, ?, ?, "
                           "?, ?)");
        s.bind(1, last_number_ + 1);
        bind_text(s, 2, w.id);
        s.bind(3, w.lane);
        s.bind(4, static_cast<int>(*state));
        s.bind(5, w.accepted_at);
        ordered ? bind_text(s, 6, w.order_key) : s.bind(6);
        s.bind(7, w.checksum.value_or(checksum_of(w.id, w.text)));
        s.bindNoCopy(8, static_cast<const void*>(w.text.data()), static_cast<int>(w.text.size()));
        if (s.exec() != 1) return false;
        ++last_number_;
        note_arrival(w.accepted_at);
        if (state == waiting) note_place(w.lane, last_number_);
        paths_.add(last_number_, request_in(w.text).target);
        route_counts& n = routes_.at(w.lane).counts;
        ++n.accepted;
        ++n.pending;
        n.bytes += w.text.size();
        return true;
    });
}

webhook_store::row webhook_store::row_in(SQLite::Statement& s) {
    return {s.getColumn(0).getInt64(),
            s.getColumn(1).getInt64(),
            static_cast<webhook_state>(s.getColumn(2).getInt()),
            s.getColumn(3).getString(),
            static_cast<std::uint64_t>(s.getColumn(4).getInt64()),
            s.getColumn(5).getUInt()};
}

std::optional<webhook_store::row> webhook_store::find(std::string_view id) {
    auto& s = file_.prepared(find_,
                             "SELECT seq, lane, state, order_key, length(text), attempt FROM "
                             "webhooks WHERE id = ?");
    bind_text(s, 1, id);
    std::optional<row> found;
    if (s.executeStep()) found = row_in(s);
    s.tryReset();
    return found;
}

std::optional<std::int64_t> webhook_store::remove(std::string_view id) {
    return file_.guarded([&]() -> std::optional<std::int64_t> {
        const auto was = find(id);
        if (!was || !after(was->state, delivered)) return std::nullopt;
        // By its number: with RETURNING, SQLite makes a table of its own for each one.
        auto& s = file_.prepared(remove_, "DELETE FROM webhooks WHERE seq = ?");
        s.bind(1, was->seq);
        s.exec();
        change(*was, delivered);
        return was->lane;
    });
}

std::optional<std::int64_t> webhook_store::keep(std::string_view id, const attempt_note& last) {
    return file_.guarded([&]() -> std::optional<std::int64_t> {
        const auto was = find(id);
        if (!was || !change(*was, delivered_and_kept)) return std::nullopt;
        auto& s = file_.prepared(
            keep_, "UPDATE webhooks SET attempt = ?, due_at = ?, reason = NULL WHERE seq = ?");
        s.bind(1, last.n);
        s.bind(2, last.at);
        s.bind(3, was->seq);
        s.exec();
        note(was->seq, last);
        return was->lane;
    });
}

std::optional<stored_tries> webhook_store::tries_of(std::string_view id) {
    return file_.guarded([&] {
        auto& s = file_.prepared(tries_of_,
                                 "SELECT lane, attempt, refused, delays, coalesce(revived_at, "
                                 "accepted_at) FROM webhooks WHERE id = ? AND state NOT IN (2, 4)");
        bind_text(s, 1, id);
        std::optional<stored_tries> found;
        if (s.executeStep())
            found = {s.getColumn(0).getInt64(), s.getColumn(1).getUInt(), s.getColumn(2).getUInt(),
                     s.getColumn(3).getUInt(), s.getColumn(4).getInt64()};
        s.tryReset();
        return found;
    });
}

void webhook_store::note(std::int64_t seq, const attempt_note& n) {
    auto& s = file_.prepared(note_, "INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?, ?, ?)");
    s.bind(1, seq);
    s.bind(2, n.n);
    s.bind(3, n.at);
    s.bind(4, n.ms);
    s.bind(5, n.status);
    bind_text(s, 6, std::string_view(n.reason).substr(0, longest_reason));
    s.exec();
    if (n.n <= first_notes + last_notes) return;
    auto& old =
        file_.prepared(forget_notes_, "DELETE FROM attempts WHERE seq = ? AND n > ? AND n <= ?");
    old.bind(1, seq);
    old.bind(2, first_notes);
    old.bind(3, n.n - last_notes);
    old.exec();
}

void webhook_store::mark_failed(std::string_view id, const failed_try& what,
                                const attempt_note& n) {
    file_.guarded([&] {
        const auto was = find(id);
        if (!was || !change(*was, tried)) return;
        auto& s = file_.prepared(
            fail_,
            "UPDATE webhooks SET attempt = ?, refused = ?, delays = ?, due_at = ? WHERE seq = ?");
        s.bind(1, what.tries.attempt);
        s.bind(2, what.tries.refused);
        s.bind(3, what.tries.delays);
        s.bind(4, what.due_at);
        s.bind(5, was->seq);
        s.exec();
        note(was->seq, n);
    });
}

void webhook_store::mark_dead(std::string_view id, unsigned attempt, std::string_view reason,
                              std::int64_t now_ms, const attempt_note* n) {
    file_.guarded([&] {
        const auto was = find(id);
        if (!was || !change(*was, died)) return;
        auto& s = file_.prepared(
            kill_, "UPDATE webhooks SET attempt = ?, reason = ?, due_at = ? WHERE seq = ?");
        s.bind(1, attempt);
        bind_text(s, 2, reason);
        s.bind(3, now_ms);
        s.bind(4, was->seq);
        s.exec();
        if (n) note(was->seq, *n);
    });
}

void webhook_store::reset_delay(std::string_view id, std::int64_t due_at_ms) {
    file_.guarded([&] {
        auto& s = file_.prepared(reset_,
                                 "UPDATE webhooks SET due_at = min(due_at, ?), delays = max(delays "
                                 "- 1, 0) WHERE id = ? AND state = 1");
        s.bind(1, due_at_ms);
        bind_text(s, 2, id);
        s.exec();
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
