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

/// What the file has, row by row, in the order of journal_reader.
class journal_file::rows {
public:
    explicit rows(SQLite::Database& db)
        : ids_(db, "SELECT id FROM finished ORDER BY n"),
          letters_(db, "SELECT letter FROM dead ORDER BY n"),
          mails_(db,
                 "SELECT seq, box, id, sender, msg, extras, flags, meant_for, "
                 "attempt, charges, suspect, history "
                 "FROM mail ORDER BY seq") {}

    /// Returns about how many bytes the row had; 0: there is no further one.
    std::size_t next(journal_reader& reader) {
        if (!has_no_id_ && !(has_no_id_ = !ids_.executeStep())) {
            const std::string id = text_of(ids_.getColumn(0));
            reader.on_finished(id);
            return id.size() + 1;
        }
        if (!has_no_letter_ && !(has_no_letter_ = !letters_.executeStep())) {
            const std::string letter = text_of(letters_.getColumn(0));
            reader.on_letter(letter_from(letter));
            return letter.size() + 1;
        }
        if (!mails_.executeStep()) return 0;
        const journaled_mail mail = read_mail();
        reader.on_mail(mail);
        return mail.view().bytes() + 1;
    }

private:
    journaled_mail read_mail() {
        journaled_mail mail;
        mail.sequence = static_cast<std::uint64_t>(mails_.getColumn(0).getInt64());
        mail.box = text_of(mails_.getColumn(1));
        mail.id = text_of(mails_.getColumn(2));
        mail.from = text_of(mails_.getColumn(3));
        mail.msg = text_of(mails_.getColumn(4));
        mail.extras = text_of(mails_.getColumn(5));
        const int flags = mails_.getColumn(6).getInt();
        mail.answer = flags & answer;
        mail.from_above = flags & from_above;
        mail.receipt = flags & receipt;
        mail.meant_for = mails_.getColumn(7).getUInt();
        mail.attempt = mails_.getColumn(8).getUInt();
        mail.charges = mails_.getColumn(9).getUInt();
        mail.suspect = mails_.getColumn(10).getInt() != 0;
        mail.history = history_from(text_of(mails_.getColumn(11)));
        return mail;
    }

    SQLite::Statement ids_, letters_, mails_;
    bool has_no_id_ = false, has_no_letter_ = false;
};

journal_file::journal_file(std::filesystem::path file) : path_(std::move(file)) {}
journal_file::~journal_file() = default;

void journal_file::stop_reading() { reading_.reset(); }

void journal_file::close() {
    stop_reading();
    file_.reset();
}

journal::part journal_file::restore_part(journal_reader& reader) {
    journal::part part;
    part.error = attempt([&] {
        if (!reading_) reading_ = std::make_unique<rows>(file_->database());
        std::size_t bytes = 0;
        part.is_last = false;
        for (std::size_t n = 0; n < part_rows && bytes < part_bytes && !part.is_last; ++n) {
            const std::size_t read = reading_->next(reader);
            part.is_last = read == 0;
            bytes += read;
        }
    });
    if (!part.error.empty()) part.is_last = true;
    if (part.is_last) reading_.reset();
    return part;
}

std::string journal_file::restore(journal_reader& reader) {
    journal::part next = restore_part(reader);
    while (!next.is_last) next = restore_part(reader);
    return next.error;
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
            const std::string text = to_text(*step.letter);
            bind_text(s, 1, step.id);
            bind_text(s, 2, text);
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

/// Never in the place of another mail: a number that the file has is an error.
void journal_file::put(const journaled_mail& mail) {
    auto& s = file_->prepared(put_,
                              "INSERT INTO mail (seq, box, id, sender, msg, extras, flags, "
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
