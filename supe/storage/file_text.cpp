#include "supe/storage/file_text.hpp"

#include "supe/async/unique_fd.hpp"
#include "supe/storage/private_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>

namespace supe {
namespace {

/// Returns how many bytes were written: all, or errno says why not.
std::size_t write_what_fits(int fd, std::string_view text) {
    std::size_t written = 0;
    while (written < text.size()) {
        const ssize_t n = ::write(fd, text.data() + written, text.size() - written);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        written += static_cast<std::size_t>(n);
    }
    return written;
}

/// Of what was opened as if it were a regular file: a socket cannot be opened, and some files of
/// proc(5) that call themselves regular have nothing to read yet.
int error_of_regular(int number) {
    return number == ENXIO || number == EAGAIN ? not_regular : number;
}

/// 0, or errno.
int append_file(int fd, std::string& text, std::size_t most) {
    for (std::array<char, 64u << 10> part; text.size() < most;) {
        const ssize_t n = ::read(fd, part.data(), std::min(part.size(), most - text.size()));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        if (n == 0) break;
        text.append(part.data(), static_cast<std::size_t>(n));
    }
    return 0;
}

}  // namespace

file_read read_file(const std::filesystem::path& file, std::size_t limit, file_kind kind) {
    const bool is_any = kind == file_kind::any;
    const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | (is_any ? 0 : O_NONBLOCK);
    const unique_fd fd(::open(file.c_str(), flags));
    file_read result;
    struct stat found{};
    if (!fd || ::fstat(fd.get(), &found) != 0) {
        result.error = errno;
    } else if (!is_any && !S_ISREG(found.st_mode)) {
        result.error = not_regular;
    } else {
        result.error = append_file(fd.get(), result.text, limit + 1);
    }
    if (!is_any) result.error = error_of_regular(result.error);
    return result;
}

bool write_all(int fd, std::string_view text) { return write_what_fits(fd, text) == text.size(); }

append_result append_whole(int fd, std::size_t size, std::string_view text) {
    const std::size_t written = write_what_fits(fd, text);
    if (written == text.size()) return {};
    const int error = errno;
    return {error, written > 0 && ::ftruncate(fd, static_cast<off_t>(size)) != 0};
}

bool replace_text(int fd, std::string_view text) {
    return ::ftruncate(fd, 0) == 0 &&
           ::pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
}

}  // namespace supe
