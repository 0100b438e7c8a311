// The webhooks on disk: SQLite, one writer, nothing reported stored before its fsync (contract §7).
#pragma once

#include "supe/storage/sqlite_file.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace components {

/// The store cannot do what was asked now.
using store_error = supe::sqlite_error;

struct stored_webhook {
    std::int64_t seq = 0;  ///< order of arrival
    std::string id;
    unsigned attempt = 0;     ///< tries that failed so far
    std::int64_t due_at = 0;  ///< Unix time in ms: not to be tried before; 0 before the first try
    std::string text;         ///< the JSON as it came
};

struct dead_webhook {
    std::int64_t seq = 0;
    std::string id;
    unsigned attempt = 0;
    std::int64_t died_at = 0;  ///< Unix time in ms
    std::string reason;
    std::string text;
};

struct store_counts {
    std::uint64_t pending = 0, failed = 0, dead = 0;
    std::uint64_t bytes = 0;  ///< of all texts
    bool operator==(const store_counts&) const = default;
};

/// How much to read at once: whatever comes first, but one at least where there is one.
struct read_limit {
    std::size_t count;
    std::size_t bytes;
};

/// Why a try failed: the destination could not take it then, or did not want it.
enum class failure { outage, refusal };

/// What is known of a webhook that waits for a delivery.
struct stored_tries {
    unsigned attempt = 0;  ///< that failed so far
    unsigned refused = 0;  ///< of these, those that the destination refused
};

/// States: pending (never tried, in order of arrival), failed (to be tried again when due), dead
/// (kept for a look). What is in flight is not marked on disk: after a crash it is as before. All
/// changes happen between begin() and commit(); commit() returns when they are on disk. Every
/// function throws store_error.
class webhook_store {
public:
    explicit webhook_store(const std::filesystem::path& file);

    void begin();
    void commit();
    /// Forgets everything since begin().
    void rollback() noexcept;

    /// False when it is there already: a mail delivered twice.
    bool insert(std::string_view id, std::string_view text);
    void remove(std::string_view id);
    /// Those that wait for a delivery alone: nothing where it is dead, or gone.
    std::optional<stored_tries> tries_of(std::string_view id);
    void mark_failed(std::string_view id, unsigned attempt, failure why, std::int64_t due_at_ms);
    void mark_dead(std::string_view id, unsigned attempt, std::string_view reason,
                   std::int64_t now_ms);
    /// No failed one waits longer than until then.
    void bound_waits(std::int64_t latest_due_ms);
    /// Paused: the destination said that it wants no more (410).
    void set_paused(bool paused);
    bool paused() const { return paused_; }

    /// Pending ones behind `seq`, in order.
    std::vector<stored_webhook> pending_after(std::int64_t seq, read_limit limit);
    /// Failed ones that are due before `now_ms`, those first that are due for longest; behind
    /// `last` in that order.
    std::vector<stored_webhook> due_after(std::int64_t last_due_ms, std::int64_t last_seq,
                                          std::int64_t now_ms, read_limit limit);
    /// Dead ones behind `seq`, in order of arrival.
    std::vector<dead_webhook> dead_after(std::int64_t seq, read_limit limit);
    std::optional<dead_webhook> find_dead(std::string_view id);
    /// Failed ones again, as if no destination had refused them yet: that of this id, or without
    /// one the oldest `most`. How many; the same for drop_dead().
    std::size_t revive(std::string_view id, std::size_t most, std::int64_t due_at_ms);
    std::size_t drop_dead(std::string_view id, std::size_t most);
    const store_counts& counts() const { return counts_; }
    /// Bytes in the file that are free for new webhooks.
    std::uint64_t reusable_bytes();

private:
    std::uint64_t& count_of(int state);
    std::optional<int> state_of(std::string_view id);
    std::vector<stored_webhook> read(SQLite::Statement& s, read_limit limit);
    SQLite::Statement of_dead(const std::string& what, const std::string& then, std::string_view id,
                              std::size_t most);
    std::vector<dead_webhook> read_dead(SQLite::Statement& s, read_limit limit);
    void read_counts();
    void write_counts();

    supe::sqlite_file file_;
    std::unique_ptr<SQLite::Statement> insert_, remove_, state_of_, tries_of_, fail_, kill_,
        pending_, due_, free_, counts_row_;
    store_counts counts_;
    store_counts counts_at_begin_;
    bool paused_ = false;
    bool paused_at_begin_ = false;
};

}  // namespace components
