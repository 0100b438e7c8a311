// The webhooks on disk: SQLite, one writer, nothing reported stored before its fsync (contract §7).
#pragma once

#include "components/queue/path_blocks.hpp"
#include "components/queue/route_table.hpp"
#include "components/queue/webhook_search.hpp"
#include "components/queue/webhook_state.hpp"
#include "supe/storage/sqlite_copy.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace components {

/// The store cannot do what was asked now.
using store_error = supe::sqlite_error;

/// One that comes in.
struct new_webhook {
    std::string_view id;
    std::string_view text;  ///< JSON
    std::int64_t lane = 1;
    std::string order_key = {};    ///< empty: in no order
    std::int64_t accepted_at = 0;  ///< Unix time in ms
    /// Of one from a damaged file, what was noted when it came; else it is computed.
    std::optional<std::int64_t> checksum = {};
};

struct stored_webhook {
    std::int64_t seq = 0;   ///< order of arrival
    std::int64_t turn = 0;  ///< order of those that wait
    std::string id;
    unsigned attempt = 0;     ///< tries that failed so far
    std::int64_t due_at = 0;  ///< Unix time in ms: not to be tried before; 0 before the first try
    std::int64_t accepted_at = 0;  ///< or when an operator revived it
    std::string text;              ///< the JSON as it came
    std::string order_key = {};    ///< empty: in no order
    bool is_whole = true;          ///< false: id or text are not what came, by their checksum
};

struct dead_webhook {
    std::int64_t seq = 0;
    std::string id;
    std::string route;
    unsigned attempt = 0;
    std::int64_t died_at = 0;  ///< Unix time in ms
    std::string reason;
    std::string text;
};

/// One try that failed, or that delivered a webhook that is kept, for people.
struct attempt_note {
    unsigned n = 1;
    std::int64_t at = 0;  ///< Unix time in ms: when it ended
    std::int64_t ms = 0;  ///< how long it took
    int status = 0;       ///< 0: no answer
    std::string reason = {};
};

/// How much to read at once: whatever comes first, but one at least where there is one.
struct read_limit {
    std::size_t count;
    std::size_t bytes;
};

/// What is known of a webhook that waits for a delivery.
struct stored_tries {
    std::int64_t lane = 0;
    unsigned attempt = 0;          ///< that failed so far
    unsigned refused = 0;          ///< of these, those that the destination refused
    unsigned delays = 0;           ///< of these, those by which its delay has grown
    std::int64_t accepted_at = 0;  ///< or when an operator revived it
};

/// Where a try has led that failed.
struct failed_try {
    stored_tries tries;       ///< this one included
    std::int64_t due_at = 0;  ///< Unix time in ms
};

/// What is known of one that is restored.
struct restored_state {
    webhook_state state = webhook_state::waiting;
    stored_tries tries{};
    std::int64_t due_at = 0;
    std::string reason = {};
    std::vector<attempt_note> attempts = {};
};

/// Every change of state is one of webhook_state.hpp. All changes happen between begin() and
/// commit(); commit() returns when they are on disk, with the ledger. Every function throws
/// store_error.
class webhook_store {
public:
    /// Where the file is one of version 1, it is one of today's version then.
    explicit webhook_store(const std::filesystem::path& file);

    void begin();
    void commit();
    /// Forgets everything since begin().
    void rollback() noexcept;
    /// Outside of a transaction: gives the disk back what the file does not need. True: all that
    /// was committed is in the file, and nothing in its log.
    bool make_room() noexcept { return file_.empty_log(); }
    /// The file, or its log, that somebody deleted, moved or replaced; empty: both are in place.
    /// What is committed meanwhile is on no disk for a next life.
    std::filesystem::path lost_file() const;
    /// The file is in place, whatever became of its log.
    bool has_its_file() const { return file_.is_in_place(); }
    /// A copy that is to have the name of the file, which was deleted; null where it was not, and
    /// where the name or the directory cannot be had. Throws store_error.
    std::unique_ptr<supe::sqlite_copy> copy_of_deleted();
    /// Before a life that begins with another file: takes the log of ours away from beside that.
    void leave_file() const { file_.drop_log(); }

    /// False when it is there already: a mail delivered twice.
    bool insert(const new_webhook& w);
    /// One of a damaged file, as far as it was read, in the order of their numbers. False when it
    /// is there already.
    bool restore(const new_webhook& w, const restored_state& was);
    /// True where this key came to the lane within `window_ms` before `now_ms`: that is counted.
    /// Else it is remembered, with at most a million others of the lane.
    bool is_duplicate(std::int64_t lane, std::string_view key, std::int64_t now_ms,
                      std::int64_t window_ms);
    /// This key came to the lane at `at_ms`, as an earlier file has it.
    void remember(std::int64_t lane, std::string_view key, std::int64_t at_ms);
    /// It was delivered. Its lane, or nothing where it was before, or is gone.
    std::optional<std::int64_t> remove(std::string_view id);
    /// The same, and it stays in the file. `last` is the try that delivered it.
    std::optional<std::int64_t> keep(std::string_view id, const attempt_note& last);
    /// Removes some that were kept and were delivered up to then, the oldest first. How many.
    std::size_t forget_kept(std::int64_t delivered_until_ms, read_limit limit);
    /// Those that wait for a delivery alone: nothing where it is dead, delivered, or gone.
    std::optional<stored_tries> tries_of(std::string_view id);
    void mark_failed(std::string_view id, const failed_try& what, const attempt_note& note);
    void mark_dead(std::string_view id, unsigned attempt, std::string_view reason,
                   std::int64_t now_ms, const attempt_note* note = nullptr);
    /// A failed one is due at another time, and its delay is as if it had not grown.
    void reset_delay(std::string_view id, std::int64_t due_at_ms);
    /// All failed ones of a lane are due at once.
    void make_due(std::int64_t lane, std::int64_t due_at_ms);
    /// No failed one, and no lane, waits longer than until then.
    void bound_waits(std::int64_t latest_ms);

    /// The last place that was given in this lane: none that waits has a later one.
    std::int64_t last_place(std::int64_t lane) const;
    /// Waiting ones of a lane behind `turn`, in their order.
    std::vector<stored_webhook> waiting_after(std::int64_t lane, std::int64_t turn,
                                              read_limit limit);
    /// Waiting ones of a lane, the last one first.
    std::vector<stored_webhook> newest_waiting(std::int64_t lane, std::size_t most);
    /// The newest failed one of a lane before `seq`, due or not; none or one.
    std::vector<stored_webhook> failed_before(std::int64_t lane, std::int64_t seq);
    /// Failed ones that are due at `now_ms`, those first that are due for longest; behind the last
    /// one in that order.
    std::vector<stored_webhook> due_after(std::int64_t lane, std::int64_t last_due_ms,
                                          std::int64_t last_seq, std::int64_t now_ms,
                                          read_limit limit);
    /// When the first one behind `last_due_ms` is due.
    std::optional<std::int64_t> next_due(std::int64_t lane, std::int64_t last_due_ms);
    /// True when the webhook is there, and its id does not lead to it: the file is damaged.
    bool has_lost(std::int64_t seq, std::string_view id);
    /// When the first one of those that wait for a delivery came in.
    std::optional<std::int64_t> oldest_arrival(std::int64_t lane);
    /// Writes something that the next commit has to bring to the disk, and leaves nothing.
    void try_to_write();

    /// Dead ones behind `seq`, in order of arrival.
    std::vector<dead_webhook> dead_after(std::int64_t seq, read_limit limit);
    std::optional<dead_webhook> find_dead(std::string_view id);
    /// The first three tries, and the last seven.
    std::vector<attempt_note> attempts_of(std::int64_t seq);
    /// Failed ones again, as if no destination had refused them yet: that of this id, or without
    /// one the oldest `most`. How many; the same for drop_dead().
    std::size_t revive(std::string_view id, std::size_t most, std::int64_t now_ms);
    std::size_t drop_dead(std::string_view id, std::size_t most);
    /// Those that fit, whatever their state. Of `limit.bytes` what is looked at counts.
    search_page search(const webhook_filter& filter, search_range range, read_limit limit);
    std::optional<webhook_overview> look_up(std::string_view id);
    std::string text_of(std::int64_t seq);
    std::optional<attempt_note> last_attempt_of(std::int64_t seq);
    std::int64_t last_number();  ///< the highest `seq` there is
    /// Those of these that are dead or kept are failed ones again, as revive() makes them.
    std::size_t replay(const std::vector<std::string>& ids, std::int64_t now_ms);
    /// Whatever their state.
    std::size_t drop(const std::vector<std::string>& ids);
    /// Drops the oldest `most` of a route, but neither dead nor kept ones.
    std::size_t drop_queued(std::int64_t lane, std::size_t most);

    route_table& routes() { return routes_; }
    const route_table& routes() const { return routes_; }
    route_counts counts() const { return routes_.totals(); }
    /// Bytes in the file that are free for new webhooks.
    std::uint64_t reusable_bytes();

private:
    struct row {
        std::int64_t seq, lane;
        webhook_state state;
        std::string order_key;
        std::uint64_t bytes;
        unsigned attempt;
    };
    /// Of `seq, lane, state, order_key, length(text), attempt`.
    static row row_in(SQLite::Statement& s);
    static std::int64_t checksum_of(std::string_view id, std::string_view text);
    std::optional<row> find(std::string_view id);
    void count(const row& r, webhook_event what, webhook_state next);
    std::vector<row> oldest_dead(std::string_view id, std::size_t most);
    std::size_t revive_all(const std::vector<row>& all, std::int64_t now_ms);
    std::size_t remove_all(const std::vector<row>& all, webhook_event why);
    std::uint64_t& count_of(std::int64_t lane, webhook_state s);
    void note_place(std::int64_t lane, std::int64_t turn);
    void note_arrival(std::int64_t accepted_at);
    /// Performs it where it concerns this webhook, but for what is beside its state; true then.
    bool change(const row& r, webhook_event what);
    bool key_is_taken(std::int64_t lane, const std::string& key);
    void let_next_of_key(const row& left);
    void note(std::int64_t seq, const attempt_note& n);
    void narrow_by_time(const webhook_filter& filter, search_range& range);
    void forget_seen(std::int64_t lane, std::int64_t before_ms);
    std::vector<stored_webhook> read(SQLite::Statement& s, read_limit limit);
    std::vector<dead_webhook> read_dead(SQLite::Statement& s, read_limit limit);

    supe::sqlite_file file_;
    route_table routes_;
    path_blocks paths_;
    std::int64_t last_number_ = 0;           // of all seq and turn
    std::int64_t last_arrival_ = 0;          // `accepted_at` of the latest
    std::int64_t last_committed_ = 0;        // the same, before this transaction
    std::vector<std::int64_t> last_places_;  // by lane; also one that was rolled back
    using statement = std::unique_ptr<SQLite::Statement>;
    statement insert_, remove_, find_, tries_of_, fail_, kill_, waiting_, due_, next_due_, free_,
        state_, key_taken_, next_of_key_, turn_, note_, forget_notes_, drop_notes_, seen_, saw_,
        forget_seen_, reset_, keep_, oldest_, newest_, failed_before_;
};

}  // namespace components
