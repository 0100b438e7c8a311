#include "components/queue/damaged_store.hpp"

#include "components/queue/attempt_row.hpp"
#include "components/queue/leading_members.hpp"
#include "components/webhook/webhook.hpp"
#include "supe/storage/write_ahead_log.hpp"
#include "supe/text/json_text.hpp"

#include <fmt/format.h>
#include <optional>
#include <set>
#include <system_error>

namespace components {
namespace {

namespace fs = std::filesystem;
using line_taker = std::function<void(const std::string&)>;

constexpr const char* beside[] = {"-wal", "-shm"};  // what belongs to a file of SQLite
constexpr int rows_at_once = 500;                   // in one transaction

fs::path with(const fs::path& file, const std::string& ending) { return file.string() + ending; }

void move_if_there(const fs::path& from, const fs::path& to) {
    std::error_code missing;
    if (fs::exists(from, missing)) fs::rename(from, to);
}

void remove_all_of(const fs::path& file) {
    std::error_code missing;
    fs::remove(file, missing);
    for (const char* ending : beside) fs::remove(with(file, ending), missing);
}

/// A number of which no file is there yet.
fs::path free_name(const fs::path& file) {
    for (int n = 1;; ++n) {
        const fs::path name = with(file, fmt::format(".damaged-{}", n));
        std::error_code missing;
        if (!fs::exists(name, missing) && !fs::exists(with(name, "-wal"), missing)) return name;
    }
}

/// The rows of a damaged file. SQLite ends with an error at a page that it cannot read; behind that
/// one it goes on.
class row_reader {
public:
    explicit row_reader(const fs::path& file) : db_(file.string(), SQLite::OPEN_READWRITE) {
        db_.exec("PRAGMA writable_schema = ON");  // reads a file that lost its end, too
        std::set<std::string> columns;
        SQLite::Statement names(db_, "SELECT name FROM pragma_table_info('webhooks')");
        while (names.executeStep()) columns.insert(names.getColumn(0).getString());
        select_ = fmt::format(
            "SELECT seq, id, state, attempt, refused, {}, due_at, {}, reason, text, {} FROM "
            "webhooks NOT INDEXED WHERE seq > ? ORDER BY seq",
            columns.contains("delays") ? "delays" : "0",
            columns.contains("accepted_at") ? "accepted_at" : "0",
            columns.contains("checksum") ? "checksum" : "NULL");
        has_attempts_ = has_table("attempts");
    }

    struct row {
        std::string id, text;
        std::int64_t accepted_at = 0;
        std::optional<std::int64_t> checksum{};
        restored_state was{};
    };
    /// Nothing at the end. What is skipped is counted as one gap.
    std::optional<row> next() {
        for (;;) {
            try {
                if (!rows_) {
                    rows_.emplace(db_, select_);
                    rows_->bind(1, at_);
                }
                if (!rows_->executeStep()) return std::nullopt;
                row found = read();
                at_ = rows_->getColumn(0).getInt64();
                if (found.was.tries.attempt > 0)
                    found.was.attempts = attempts_of(at_, found.was.tries.attempt);
                return found;
            } catch (const SQLite::Exception&) {
                rows_.reset();
                ++gaps_;
                if (!skip_gap()) return std::nullopt;
            }
        }
    }
    int gaps() const { return gaps_; }
    /// Webhooks that were read, and of whose attempts some cannot be read.
    std::uint64_t without_attempts() const { return without_attempts_; }

    /// What is known of the routes beside their webhooks, as far as it can be read.
    void take_routes(webhook_store& to) {
        if (!has_table("routes")) return;  // a file of version 1
        for_each_row("SELECT name, paused, held_until FROM routes", [&](SQLite::Statement& row) {
            route_row& route = to.routes().at(to.routes().lane_of(row.getColumn(0).getString()));
            route.paused = row.getColumn(1).getInt() != 0;
            route.held_until = row.getColumn(2).getInt64();
        });
        if (!has_table("seen")) return;
        for_each_row("SELECT name, key, at FROM seen JOIN routes ON routes.lane = seen.lane",
                     [&](SQLite::Statement& row) {
                         to.remember(to.routes().lane_of(row.getColumn(0).getString()),
                                     row.getColumn(1).getString(), row.getColumn(2).getInt64());
                     });
    }

private:
    bool has_table(const char* name) {
        SQLite::Statement found(db_, "SELECT 1 FROM pragma_table_info(?)");
        found.bind(1, name);
        return found.executeStep();
    }
    /// For people, as far as they can be read. `latest`: the number of the last one.
    std::vector<attempt_note> attempts_of(std::int64_t seq, unsigned latest) {
        std::vector<attempt_note> all;
        if (!has_attempts_) return all;
        try {
            SQLite::Statement s(db_,
                                std::string(select_attempts) + "AND n BETWEEN 1 AND ? ORDER BY n");
            s.bind(1, seq);
            s.bind(2, latest);
            while (s.executeStep()) all.push_back(attempt_in(s));
        } catch (const SQLite::Exception&) {
            ++without_attempts_;
        }
        return all;
    }
    /// Up to the first row that cannot be read, which counts as a gap.
    void for_each_row(const char* select, const std::function<void(SQLite::Statement&)>& take) {
        try {
            SQLite::Statement rows(db_, select);
            while (rows.executeStep()) take(rows);
        } catch (const SQLite::Exception&) {
            ++gaps_;
        }
    }
    /// To the first row behind the gap at `at_`. False when nothing behind it can be read.
    bool skip_gap() {
        std::int64_t step = 1;
        while (!can_read_behind(at_ + step)) {
            step *= 2;
            if (step > std::int64_t(1) << 40) return false;
        }
        std::int64_t unreadable = at_ + step / 2;
        at_ += step;
        while (at_ - unreadable > 1) {
            const std::int64_t middle = unreadable + (at_ - unreadable) / 2;
            (can_read_behind(middle) ? at_ : unreadable) = middle;
        }
        return true;
    }
    bool can_read_behind(std::int64_t seq) {
        try {
            SQLite::Statement rows(db_, select_);
            rows.bind(1, seq);
            rows.executeStep();
            return true;
        } catch (const SQLite::Exception&) {
            return false;
        }
    }
    row read() {
        SQLite::Statement& s = *rows_;
        row r;
        r.id = s.getColumn(1).getString();
        r.was.state = static_cast<webhook_state>(s.getColumn(2).getInt());
        r.was.tries = {.attempt = s.getColumn(3).getUInt(),
                       .refused = s.getColumn(4).getUInt(),
                       .delays = s.getColumn(5).getUInt()};
        r.was.due_at = s.getColumn(6).getInt64();
        r.accepted_at = s.getColumn(7).getInt64();
        r.was.reason = s.getColumn(8).getString();
        r.text = s.getColumn(9).getString();
        if (!s.getColumn(10).isNull()) r.checksum = s.getColumn(10).getInt64();
        return r;
    }

    SQLite::Database db_;
    std::string select_;
    std::optional<SQLite::Statement> rows_;
    std::int64_t at_ = 0;
    int gaps_ = 0;
    bool has_attempts_ = false;
    std::uint64_t without_attempts_ = 0;
};

struct salvage {
    std::uint64_t kept = 0, broken = 0, without_attempts = 0;
    int gaps = 0;
    std::string nothing{};  ///< why nothing can be read at all
};

/// Into the new store; what is no webhook any more is left where it is.
void take_rows(row_reader& from, webhook_store& to, salvage& result) {
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now().time_since_epoch());
    for (bool more = true; more;) {
        to.begin();
        for (int n = 0; more && n < rows_at_once; ++n) {
            const auto row = from.next();
            more = row.has_value();
            if (!more) break;
            const auto members = leading_members_of(row->text);
            const bool whole = members && members->id == row->id && supe::is_json(row->text);
            if (!whole) {
                ++result.broken;
                continue;
            }
            const std::string route(members->route.empty() ? default_route : members->route);
            const bool fresh =
                to.restore({.id = row->id,
                            .text = row->text,
                            .lane = to.routes().lane_of(route),
                            .order_key = members->order_key,
                            .accepted_at = row->accepted_at > 0 ? row->accepted_at : now.count(),
                            .checksum = row->checksum},
                           row->was);
            if (fresh) ++result.kept;
        }
        to.commit();
    }
    to.begin();
    from.take_routes(to);
    to.commit();
    result.gaps = from.gaps();
    result.without_attempts = from.without_attempts();
}

salvage recover(const fs::path& damaged, const fs::path& recovered) {
    salvage result;
    webhook_store to(recovered);
    supe::accept_damaged_log(damaged);
    try {
        row_reader from(damaged);
        take_rows(from, to, result);
    } catch (const SQLite::Exception& e) {
        result.nothing = e.what();
    }
    return result;
}

/// The last step, which may have been cut off: the damaged file has its new name, or gets it now.
void put_in_place(const fs::path& file, const fs::path& recovered, const fs::path& kept_as) {
    move_if_there(file, kept_as);
    for (const char* ending : beside) move_if_there(with(file, ending), with(kept_as, ending));
    fs::rename(recovered, file);
}

}  // namespace

void set_aside_damaged(const fs::path& file, const std::string& why, const line_taker& tell) {
    const fs::path recovered = with(file, ".recovered"), kept_as = free_name(file);
    remove_all_of(recovered);
    try {
        const salvage result = recover(file, recovered);
        put_in_place(file, recovered, kept_as);
        std::string missing;
        if (!result.nothing.empty()) missing = "; nothing of it could be read: " + result.nothing;
        if (result.broken + static_cast<std::uint64_t>(result.gaps) > 0)
            missing = fmt::format(
                "; what is missing: {} webhooks that are no longer whole, and {} "
                "places that cannot be read",
                result.broken, result.gaps);
        if (result.without_attempts > 0)
            missing += fmt::format("; the attempts of {} webhooks cannot be read",
                                   result.without_attempts);
        tell(
            fmt::format("the file is damaged ({}): it is kept as {}, and {} webhooks of it are in "
                        "the new one{}. `sqlite3 {} .recover` may find more",
                        why, kept_as.string(), result.kept, missing, kept_as.string()));
    } catch (const std::system_error& e) {
        throw store_error(fmt::format("{}: damaged ({}), and cannot be set aside: {}",
                                      file.string(), why, e.what()));
    }
}

std::unique_ptr<webhook_store> open_store(const fs::path& file, const line_taker& tell) {
    std::error_code missing;
    const fs::path recovered = with(file, ".recovered");
    if (fs::exists(recovered, missing)) {
        // Whole where the damaged file has its new name already, else begun anew.
        if (fs::exists(file, missing))
            remove_all_of(recovered);
        else
            put_in_place(file, recovered, free_name(file));
    }
    try {
        return std::make_unique<webhook_store>(file);
    } catch (const store_error& e) {
        if (!e.damaged()) throw;
        set_aside_damaged(file, e.what(), tell);
    }
    return std::make_unique<webhook_store>(file);
}

}  // namespace components
