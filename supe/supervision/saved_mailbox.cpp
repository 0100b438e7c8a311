#include "supe/supervision/saved_mailbox.hpp"

#include "supe/async/unique_fd.hpp"
#include "supe/text/json_text.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>

namespace supe {
namespace {

/// A new file each time: an earlier file may be the only copy of its mail.
unique_fd create_next(const std::filesystem::path& directory, const std::string& name,
                      std::filesystem::path& file) {
    for (unsigned n = 1;; ++n) {
        file = directory / fmt::format("{}.{}.jsonl", name, n);
        unique_fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
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

}  // namespace

std::string save_mailbox(const mailbox& box, const std::string& address,
                         const std::filesystem::path& state) {
    if (box.empty() || state.empty()) return {};
    std::error_code ignored;
    const auto directory = state / "mailboxes";
    std::filesystem::create_directories(directory, ignored);
    std::string name = address.substr(1);
    std::ranges::replace(name, '/', '.');  // names have no dots
    std::filesystem::path file;
    const unique_fd fd = create_next(directory, name, file);
    if (!fd) return {};
    bool written = true;
    box.for_each([&](const held_mail& held) {
        const envelope mail = held.view();
        const std::string line =
            fmt::format("{{\"id\":{},\"from\":{},\"attempt\":{},\"msg\":{}}}\n",
                        json_quoted(mail.id), json_quoted(mail.from), mail.attempt, mail.msg);
        written = written && write_all(fd.get(), line);
    });
    if (written && ::fsync(fd.get()) == 0) return file.string();
    std::filesystem::remove(file, ignored);  // a part of a mailbox would look like all of it
    return {};
}

}  // namespace supe
