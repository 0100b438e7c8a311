#include "supe/storage/file_text.hpp"

#include <sys/types.h>
#include <unistd.h>
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

}  // namespace

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
