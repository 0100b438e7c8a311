#include "patterns/output.hpp"

#include <poll.h>
#include <unistd.h>
#include <cerrno>

namespace patterns {

void print_line(int fd, std::string line) {
    line += '\n';
    for (std::size_t written = 0; written < line.size();) {
        const ssize_t n = ::write(fd, line.data() + written, line.size() - written);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) {  // a process that shares it made it non-blocking
            pollfd room{fd, POLLOUT, 0};
            ::poll(&room, 1, -1);
            continue;
        }
        if (n < 0) return;  // the reader is gone: there is no place to report that
        written += static_cast<std::size_t>(n);
    }
}

}  // namespace patterns
