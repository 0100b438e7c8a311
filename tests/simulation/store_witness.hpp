// What is committed in the queue's store, and what becomes of each commit, as a test wants it.
#pragma once

#include "components/queue/ledger.hpp"
#include "components/queue/webhook_state.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>

namespace simulated {

/// `refused`: nothing of the transaction is there, as after a kill before it, or on a full disk.
enum class commit_fate { done, refused };

/// Reads with a connection of its own. It stays open, so that SQLite does not tidy up when the
/// queue closes its own: a killed process tidies up nothing. One at a time: SQLite's hook for new
/// connections is global.
class store_witness {
public:
    using decision = std::function<commit_fate()>;

    store_witness(std::filesystem::path file, decision at_commit)
        : file_(std::move(file)), at_commit_(std::move(at_commit)) {
        present = this;
        ::sqlite3_auto_extension(reinterpret_cast<void (*)()>(on_connection));
    }
    ~store_witness() {
        ::sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(on_connection));
        present = nullptr;
    }
    store_witness(const store_witness&) = delete;
    store_witness& operator=(const store_witness&) = delete;

    bool is_to_be_delivered(const std::string& id) {
        open();
        state_->bind(1, id);
        const bool found = state_->executeStep();
        const int state = found ? state_->getColumn(0).getInt() : -1;
        state_->reset();
        return state == static_cast<int>(components::webhook_state::waiting) ||
               state == static_cast<int>(components::webhook_state::failed);
    }
    std::set<std::string> dead() {
        open();
        SQLite::Statement s(*reader_, "SELECT id FROM webhooks WHERE state = 2");
        std::set<std::string> ids;
        while (s.executeStep()) ids.insert(s.getColumn(0).getString());
        return ids;
    }
    /// Contract §7, The ledger, as of one commit; empty where it is right.
    std::string imbalance() {
        if (!has_tables()) return {};
        const bool right = sums_->executeStep() && sums_->getColumn(0).getInt64() == 0 &&
                           sums_->getColumn(1).getInt64() == 0;
        const std::string text =
            right ? ""
                  : fmt::format("the ledger is off by {}, its rows by {}",
                                sums_->getColumn(0).getInt64(), sums_->getColumn(1).getInt64());
        sums_->reset();
        return text;
    }
    std::vector<components::ledger_line> ledger() const { return components::check_ledger(file_); }

private:
    static inline store_witness* present = nullptr;

    static int on_connection(sqlite3* db, const char**, const void*) {
        ::sqlite3_commit_hook(db, [](void*) { return present ? present->refuses() : 0; }, nullptr);
        return SQLITE_OK;
    }
    int refuses() { return at_commit_() == commit_fate::refused ? 1 : 0; }

    /// False where the queue has never come so far.
    bool has_tables() {
        try {
            open();
            return true;
        } catch (const SQLite::Exception&) {
            reader_.reset();
            return false;
        }
    }
    void open() {
        if (reader_) return;
        reader_ = std::make_unique<SQLite::Database>(file_.string(), SQLite::OPEN_READONLY);
        state_ = std::make_unique<SQLite::Statement>(*reader_,
                                                     "SELECT state FROM webhooks WHERE id = ?");
        sums_ = std::make_unique<SQLite::Statement>(
            *reader_,
            "SELECT coalesce(sum(accepted - delivered - dead - dropped - pending - failed), 0), "
            "coalesce(sum(dead + pending + failed), 0) - (SELECT count(*) FROM webhooks WHERE "
            "state < 4) FROM routes");
    }

    std::filesystem::path file_;
    decision at_commit_;
    std::unique_ptr<SQLite::Database> reader_;
    std::unique_ptr<SQLite::Statement> state_, sums_;
};

}  // namespace simulated
