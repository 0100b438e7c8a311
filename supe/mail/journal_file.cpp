#include "supe/mail/journal_file.hpp"

#include "supe/storage/private_files.hpp"

#include <fmt/format.h>
#include <system_error>

namespace supe {
namespace {

sqlite_format journal_format() {
    sqlite_format f;
    f.in = sqlite_format::directory::made;
    f.of_new_file = "PRAGMA auto_vacuum = INCREMENTAL";
    f.pragmas = "PRAGMA journal_size_limit = 16777216";  // bytes that the WAL keeps
    f.schema = R"(
    CREATE TABLE IF NOT EXISTS mail (seq INTEGER PRIMARY KEY, box BLOB NOT NULL, id BLOB NOT NULL, sender BLOB NOT NULL,
        msg BLOB NOT NULL, extras BLOB NOT NULL, flags INTEGER NOT NULL, meant_for INTEGER NOT NULL,
        attempt INTEGER NOT NULL, charges INTEGER NOT NULL, suspect INTEGER NOT NULL, history BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS dead (n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, letter BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS finished (n INTEGER PRIMARY KEY, id BLOB NOT NULL);
)";
    return f;
}

enum flag { answer = 1, from_above = 2, receipt = 4 };

/// So many free pages stay in the file for the mail that comes next.
constexpr int free_pages_kept = 1024;

/// Binds a string as bytes, which are never converted. `text` must live until the statement has
/// run.
void bind_text(SQLite::Statement& s, int index, std::string_view text) {
    const char* const data = text.data() ? text.data() : "";  // a null pointer would be NULL
    s.bindNoCopy(index, static_cast<const void*>(data), static_cast<int>(text.size()));
}

std::string text_of(const SQLite::Column& column) {
    return {static_cast<const char*>(column.getBlob()),
            static_cast<std::size_t>(column.getBytes())};
}

}  // namespace

std::filesystem::path journal_path(const std::filesystem::path& state, const std::string& address) {
    return state / "mail" / (file_name_of(address) + ".sqlite");
}

/// Runs `f`. Returns SQLite's error, with the file's name before it, or empty.
template <class F>
std::string journal_file::attempt(F f) {
    try {
        file_ ? file_->guarded(f) : f();
        return {};
    } catch (const sqlite_error& e) {
        return e.what();
    } catch (const std::exception& e) {
        return fmt::format("{}: {}", path_.string(), e.what());
    }
}

bool journal_file::exists() const {
    std::error_code ignored;
    return std::filesystem::exists(path_, ignored);
}

std::string journal_file::open() {
    if (file_) return {};
    return attempt([&] { file_ = std::make_unique<sqlite_file>(path_, journal_format()); });
}

// --- reading ---

std::string journal_file::restore(journal_reader& reader) {
    return attempt([&] {
        SQLite::Database& db = file_->database();
        SQLite::Statement ids(db, "SELECT id FROM finished ORDER BY n");
        while (ids.executeStep()) reader.on_finished(text_of(ids.getColumn(0)));
        SQLite::Statement letters(db, "SELECT letter FROM dead ORDER BY n");
        while (letters.executeStep()) reader.on_letter(letter_from(text_of(letters.getColumn(0))));
        SQLite::Statement mails(db,
                                "SELECT seq, box, id, sender, msg, extras, flags, meant_for, "
                                "attempt, charges, suspect, history "
                                "FROM mail ORDER BY seq");
        while (mails.executeStep()) {
            journaled_mail mail;
            mail.sequence = static_cast<std::uint64_t>(mails.getColumn(0).getInt64());
            mail.box = text_of(mails.getColumn(1));
            mail.id = text_of(mails.getColumn(2));
            mail.from = text_of(mails.getColumn(3));
            mail.msg = text_of(mails.getColumn(4));
            mail.extras = text_of(mails.getColumn(5));
            const int flags = mails.getColumn(6).getInt();
            mail.answer = flags & answer;
            mail.from_above = flags & from_above;
            mail.receipt = flags & receipt;
            mail.meant_for = mails.getColumn(7).getUInt();
            mail.attempt = mails.getColumn(8).getUInt();
            mail.charges = mails.getColumn(9).getUInt();
            mail.suspect = mails.getColumn(10).getInt() != 0;
            mail.history = history_from(text_of(mails.getColumn(11)));
            reader.on_mail(mail);
        }
    });
}

// --- writing ---

std::string journal_file::write(const journal_steps& steps) {
    std::string error = open();
    if (!error.empty()) return error;
    error = attempt([&] {
        file_->begin();
        for (const journal_step& step : steps) apply(step);
        if (finish_) {
            file_->database().exec(
                fmt::format("DELETE FROM finished WHERE n <= (SELECT max(n) FROM finished) - {}",
                            finished_limit));
        }
        file_->commit();
    });
    if (error.empty()) return error;
    for (auto* s : {&put_, &erase_, &put_back_, &finish_, &keep_, &discard_}) s->reset();
    file_->rollback();
    return error;
}

void journal_file::apply(const journal_step& step) {
    using kind = journal_step::kind;
    const auto sequence = static_cast<std::int64_t>(step.sequence);
    switch (step.what) {
        case kind::put: return put(*step.mail);
        case kind::erase: {
            auto& s = file_->prepared(erase_, "DELETE FROM mail WHERE seq = ?");
            s.bind(1, sequence);
            s.exec();
            if (step.text.empty()) return;
            auto& f = file_->prepared(finish_, "INSERT INTO finished (id) VALUES (?)");
            bind_text(f, 1, step.text);
            f.exec();
            return;
        }
        case kind::put_back: {
            auto& s = file_->prepared(
                put_back_,
                "UPDATE mail SET attempt = ?, charges = ?, suspect = ?, history = ? WHERE seq = ?");
            s.bind(1, step.attempt);
            s.bind(2, step.charges);
            s.bind(3, step.suspect ? 1 : 0);
            bind_text(s, 4, step.text);
            s.bind(5, sequence);
            s.exec();
            return;
        }
        case kind::keep: {
            auto& s =
                file_->prepared(keep_, "INSERT OR REPLACE INTO dead (id, letter) VALUES (?, ?)");
            bind_text(s, 1, step.id);
            bind_text(s, 2, step.text);
            s.exec();
            return;
        }
        case kind::discard: {
            auto& s = file_->prepared(discard_, "DELETE FROM dead WHERE id = ?");
            bind_text(s, 1, step.text);
            s.exec();
            return;
        }
    }
}

void journal_file::put(const journaled_mail& mail) {
    auto& s =
        file_->prepared(put_,
                        "INSERT OR REPLACE INTO mail (seq, box, id, sender, msg, extras, flags, "
                        "meant_for, attempt, charges, suspect, "
                        "history) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    s.bind(1, static_cast<std::int64_t>(mail.sequence));
    bind_text(s, 2, mail.box);
    bind_text(s, 3, mail.id);
    bind_text(s, 4, mail.from);
    bind_text(s, 5, mail.msg);
    bind_text(s, 6, mail.extras);
    s.bind(7, (mail.answer ? answer : 0) | (mail.from_above ? from_above : 0) |
                  (mail.receipt ? receipt : 0));
    s.bind(8, static_cast<std::int64_t>(mail.meant_for));
    s.bind(9, mail.attempt);
    s.bind(10, mail.charges);
    s.bind(11, mail.suspect ? 1 : 0);
    const std::string history = to_text(mail.history);
    bind_text(s, 12, history);
    s.exec();
}

void journal_file::compact() noexcept {
    try {
        if (!file_) return;
        SQLite::Database& db = file_->database();
        if (db.execAndGet("PRAGMA freelist_count").getInt() > free_pages_kept)
            db.exec("PRAGMA incremental_vacuum(512)");
    } catch (const std::exception&) {
        // The next call tries again. The mail is written.
    }
}

}  // namespace supe
