#include "supe/supervision/saved_mailbox.hpp"

#include "supe/async/nursery.hpp"
#include "supe/async/unique_fd.hpp"
#include "supe/storage/private_files.hpp"
#include "supe/text/json_text.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>

namespace supe {
namespace {

constexpr std::size_t slice = 1u << 20;  // bytes of text in one turn of the loop, and one mail more

/// A new file each time: an earlier file may be the only copy of its mail.
unique_fd create_next(const std::filesystem::path& directory, const std::string& name,
                      std::filesystem::path& file) {
    for (unsigned n = 1;; ++n) {
        file = directory / fmt::format("{}.{}.jsonl", name, n);
        unique_fd fd = open_private(file, O_WRONLY | O_CREAT | O_EXCL);
        if (fd || errno != EEXIST) return fd;
    }
}

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

/// The members of the envelope that we don't know stand in it as they came, `re` and `call` too.
void append_line(std::string& text, const envelope& mail) {
    text += R"({"id":)";
    append_json_quoted(text, mail.id);
    text += R"(,"from":)";
    append_json_quoted(text, mail.from);
    text += fmt::format(R"(,"attempt":{},"msg":)", mail.attempt);
    text += mail.msg;
    text += mail.extras;
    text += "}\n";
}

/// The file as it grows. What is left of one that was not finished would look like a whole mailbox.
class copy {
public:
    copy(const std::filesystem::path& state, const std::string& address) {
        const auto directory = state / "mailboxes";
        if (!make_private_directory(directory).empty()) return;
        std::string name = address.substr(1);
        std::ranges::replace(name, '/', '.');  // names have no dots
        fd_ = create_next(directory, name, file_);
    }
    ~copy() {
        if (fd_ && !whole_) ::unlink(file_.c_str());
    }
    copy(const copy&) = delete;
    copy& operator=(const copy&) = delete;

    bool add(std::string_view text) { return fd_ && write_all(fd_.get(), text); }
    bool finish() {
        whole_ = fd_ && ::fsync(fd_.get()) == 0;
        return whole_;
    }
    const std::filesystem::path& file() const { return file_; }

private:
    std::filesystem::path file_;
    unique_fd fd_;
    bool whole_ = false;
};

/// The text of the mail that comes next, as much as one turn of the loop may make; empty at the
/// end.
std::string next_slice(const mailbox& box, mailbox::reading& at) {
    std::string text;
    while (text.size() < slice) {
        const held_mail* const mail = box.read_next(at);
        if (!mail) break;
        append_line(text, mail->view());
    }
    return text;
}

}  // namespace

awaitable<std::string> save_mailbox(std::shared_ptr<const mailbox> box, std::string address,
                                    std::filesystem::path state, blocking_runner beside,
                                    std::string earlier) {
    mailbox::reading at = box->begin_reading();
    std::string text = next_slice(*box, at);
    if (text.empty() || state.empty()) co_return std::string();
    copy made(state, address);
    bool written = true;
    const std::function<void()> add = [&] { written = made.add(text); };
    const std::function<void()> finish = [&] {
        written = written && made.finish();
        if (written && !earlier.empty()) ::unlink(earlier.c_str());
    };
    try {
        for (; written && !text.empty(); text = next_slice(*box, at)) {
            awaitable<> adding = beside(add);
            co_await std::move(adding);
        }
        awaitable<> finishing = beside(finish);
        co_await std::move(finishing);
    } catch (const std::exception&) {  // no thread, or no descriptor
        if (is_cancellation(std::current_exception())) throw;
        written = false;
    }
    co_return written ? made.file().string() : std::string();
}

}  // namespace supe
