#include "supe/supervision/saved_mailbox.hpp"

#include "supe/async/nursery.hpp"
#include "supe/async/unique_fd.hpp"
#include "supe/mail/delivery_marks.hpp"
#include "supe/mail/journal_file.hpp"
#include "supe/mail/saved_mail.hpp"
#include "supe/storage/file_text.hpp"
#include "supe/storage/private_files.hpp"
#include "supe/text/json_text.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <cerrno>
#include <map>
#include <optional>

namespace supe {
namespace {

/// `w` of the address `/dam/w`, and of that of its instance, `/dam/w.2`.
std::string box_in(const std::string& address) {
    const std::string name = address.substr(address.rfind('/') + 1);
    return name.substr(0, name.find('.'));
}

/// A file that grows under the name `NAME.N.jsonl.part`, and gets its own name when it is whole: an
/// operator takes back what ends in `.jsonl`. A new number each time: an earlier file may be the
/// only copy of its mail. What is left of one that was not finished is removed.
class copy {
public:
    copy(const std::filesystem::path& state, const std::string& address)
        : directory_(state / "mailboxes"), name_(file_name_of(address)) {
        if (!make_private_directory(directory_).empty()) return;
        for (;; ++number_) {
            part_ = path(".part");
            fd_ = open_private(part_, O_WRONLY | O_CREAT | O_EXCL);
            if (fd_ || errno != EEXIST) return;
        }
    }
    ~copy() {
        if (fd_) ::unlink(part_.c_str());
    }
    copy(const copy&) = delete;
    copy& operator=(const copy&) = delete;

    bool add(std::string_view text) { return fd_ && write_all(fd_.get(), text); }
    bool finish() {
        if (!fd_ || ::fsync(fd_.get()) != 0) return false;
        std::error_code failed;  // nobody else writes files of this name
        while (std::filesystem::exists(std::filesystem::symlink_status(path(""), failed)))
            ++number_;
        if (::rename(part_.c_str(), path("").c_str()) != 0) return false;
        file_ = path("");
        return true;
    }
    /// Its mail is elsewhere, too, and stays there.
    void withdraw() const {
        if (!file_.empty()) ::unlink(file_.c_str());
    }
    const std::filesystem::path& file() const { return file_; }

private:
    std::filesystem::path path(const char* ending) const {
        return directory_ / fmt::format("{}.{}.jsonl{}", name_, number_, ending);
    }

    std::filesystem::path directory_;
    std::string name_;
    unsigned number_ = 1;
    std::filesystem::path part_, file_;  // file_: once it is whole
    unique_fd fd_;
};

/// What one turn of the loop may read.
struct slice {
    static constexpr std::size_t most_bytes = 1u << 20;  // and one mail more
    static constexpr std::size_t most_mails = 4096;

    std::string text;
    std::size_t mails = 0;
    bool is_last = false;
};

/// The mail that comes next. What its sender keeps is passed over, and counts as read.
slice next_slice(const mailbox& box, const std::string& name, mailbox::reading& at) {
    slice next;
    std::size_t bytes = 0;
    for (std::size_t n = 0; n < slice::most_mails && bytes < slice::most_bytes; ++n) {
        const held_mail* const mail = box.read_next(at);
        next.is_last = !mail;
        if (!mail) break;
        bytes += mail->bytes();
        if (is_kept_by_sender(mail->view())) continue;
        append_saved_mail(next.text, mail->view(), recipient_name(name, *mail));
        ++next.mails;
    }
    return next;
}

}  // namespace

awaitable<mailbox_copy> save_mailbox(std::shared_ptr<const mailbox> box, std::string address,
                                     std::filesystem::path state, blocking_runner beside,
                                     std::string earlier) {
    mailbox_copy result;
    if (state.empty()) co_return result;
    const std::string name = box_in(address);
    mailbox::reading at = box->begin_reading();
    slice next;
    std::optional<copy> made;  // with the first mail
    bool written = true;
    const std::function<void()> add = [&] {  // where there is no text it is a pause
        if (next.text.empty()) return;
        if (!made) made.emplace(state, address);
        written = made->add(next.text);
    };
    const std::function<void()> finish = [&] {
        written = made->finish();
        if (written && !earlier.empty()) ::unlink(earlier.c_str());
    };
    try {
        while (written && !next.is_last) {
            next = next_slice(*box, name, at);
            result.mails += next.mails;
            if (next.text.empty() && next.is_last)
                break;  // nothing to write, also without a thread
            awaitable<> adding = beside(add);
            co_await std::move(adding);
        }
        if (!made) co_return result;
        if (written) {
            awaitable<> finishing = beside(finish);
            co_await std::move(finishing);
        }
    } catch (const std::exception&) {  // no thread, or no descriptor
        if (is_cancellation(std::current_exception())) throw;
        written = false;
    }
    result.failed = !written;
    if (written) result.file = made->file().string();
    co_return result;
}

namespace {

/// Copies the mail of one journal to files.
class journal_copier final : public journal_reader {
public:
    journal_copier(std::filesystem::path state, std::string address, const delivery_marks& marks)
        : state_(std::move(state)), address_(std::move(address)), marks_(marks) {}
    void on_mail(const journaled_mail& mail) override {
        taken_.push_back({.what = journal_step::kind::erase,
                          .sequence = mail.sequence,
                          .text = mail.from_above ? mail.id : std::string()});
        envelope kept = mail.view();
        if (is_kept_by_sender(kept)) return ++found_.kept, void();
        if (marks_.covers(mail.box, mail.sequence)) ++kept.attempt;
        const std::string bytes = mail.is_sound() ? std::string() : json_quoted(mail.msg);
        if (!bytes.empty()) kept.msg = bytes, kept.extras = {};  // else the line was no line
        std::string line;
        append_saved_mail(line, kept, mail.recipient());
        auto& file = files_[mail.box];
        if (!file) file = std::make_unique<copy>(state_, address_ + "/" + mail.box);
        written_ = file->add(line) && written_;
        ++found_.mails;
    }
    void on_letter(dead_letter) override { ++found_.letters; }
    void on_finished(const std::string&) override {}

    bool finish() {
        for (const auto& [box, file] : files_) written_ = written_ && file->finish();
        return written_;
    }
    void withdraw() const {
        for (const auto& [box, file] : files_) file->withdraw();
    }
    const journal_steps& taken() const { return taken_; }
    void add_to(saved_journals& saved) const {
        saved.mails += found_.mails;
        saved.kept += found_.kept;
        saved.letters += found_.letters;
        for (const auto& [box, file] : files_) saved.files.push_back(file->file().string());
    }

private:
    std::filesystem::path state_;
    std::string address_;
    const delivery_marks& marks_;
    std::map<std::string, std::unique_ptr<copy>> files_;  // by mailbox
    journal_steps taken_;
    saved_journals found_;  // its numbers
    bool written_ = true;
};

/// Returns why not, or empty.
std::string save_journal(const std::filesystem::path& state, const std::filesystem::path& file,
                         saved_journals& saved) {
    const std::string address = address_in_file_name(file.stem().string());
    delivery_marks marks(std::filesystem::path(file).replace_extension("handed"));
    std::string problem = marks.open();
    journal_file from(file);
    journal_copier copier(state, address, marks);
    if (problem.empty()) problem = from.open();
    if (problem.empty()) problem = from.restore(copier);
    if (problem.empty() && !copier.finish())
        problem = fmt::format("{}: its mail cannot be written to files", file.string());
    if (problem.empty() && !copier.taken().empty()) problem = from.write(copier.taken());
    if (problem.empty())
        copier.add_to(saved);
    else
        copier.withdraw();
    return problem;
}

}  // namespace

saved_journals save_journals(const std::filesystem::path& state, const std::string& address) {
    const std::filesystem::path own = journal_path(state, address);
    const std::string below = own.stem().string() + ".";
    saved_journals saved;
    std::error_code failed;
    std::vector<std::filesystem::path> journals;
    for (std::filesystem::directory_iterator entry(own.parent_path(), failed), end;
         !failed && entry != end; entry.increment(failed)) {
        const auto& file = entry->path();
        if (file.extension() == ".sqlite" &&
            (file == own || file.stem().string().starts_with(below)))
            journals.push_back(file);
    }
    for (const auto& file : journals) {
        const std::string problem = save_journal(state, file, saved);
        if (!problem.empty()) saved.problem = problem;
    }
    return saved;
}

}  // namespace supe
