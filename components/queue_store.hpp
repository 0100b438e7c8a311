// The webhooks on disk: SQLite, one writer, nothing reported stored before its fsync (contract §7).
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace components {

/// The store cannot do what was asked now: disk full, I/O error, corrupt file. what() is one line for people.
class store_error : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct stored_webhook {
    std::int64_t seq = 0;      ///< order of arrival
    std::string id;
    unsigned attempt = 0;      ///< tries that failed so far
    std::string text;          ///< the JSON as it came
};

struct store_counts {
    std::uint64_t pending = 0, failed = 0, dead = 0;
    std::uint64_t bytes = 0;   ///< of all texts
};

/// States: pending (to be handed out, in order of arrival), failed (waits until due), dead (kept for a look).
/// What is handed out is not marked on disk: after a crash it is pending again. All changes happen between begin() and
/// commit(); commit() returns when they are on disk. Every function throws store_error.
class queue_store {
public:
    explicit queue_store(const std::filesystem::path& file);

    void begin();
    void commit();
    /// Forgets everything since begin().
    void rollback() noexcept;

    /// False when it is there already: a mail delivered twice.
    bool insert(std::string_view id, std::string_view text);
    void remove(std::string_view id);
    void mark_failed(std::string_view id, unsigned attempt, std::int64_t due_at_ms);
    void mark_dead(std::string_view id, unsigned attempt, std::string_view reason);
    /// Failed ones that are due become pending. Returns how many.
    unsigned revive_due(std::int64_t now_ms);
    /// Paused: the destination said that it wants no more (410).
    void set_paused(bool paused);
    bool paused() const { return paused_; }

    /// Pending ones behind `seq`, in order, at most `limit`.
    std::vector<stored_webhook> pending_after(std::int64_t seq, std::size_t limit);
    const store_counts& counts() const { return counts_; }

private:
    template <class F>
    auto guarded(F f);
    SQLite::Statement& prepared(std::unique_ptr<SQLite::Statement>& slot, const char* sql);
    void count_all();

    std::filesystem::path file_;
    std::unique_ptr<SQLite::Database> db_;
    std::unique_ptr<SQLite::Statement> insert_, remove_, state_of_, fail_, kill_, revive_, read_;
    store_counts counts_;
    store_counts counts_at_begin_;
    bool paused_ = false;
};

}  // namespace components
