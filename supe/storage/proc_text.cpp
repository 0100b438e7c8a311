#include "supe/storage/proc_text.hpp"

#include "supe/async/unique_fd.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>

namespace supe {

std::string proc_text(const std::string& file) {
    std::string all;
    const unique_fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    for (;;) {
        const std::size_t before = all.size();
        all.resize(before + 16 * 1024);
        const ssize_t n = ::read(fd.get(), all.data() + before, all.size() - before);
        all.resize(before + (n > 0 ? static_cast<std::size_t>(n) : 0));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return all;
    }
}

}  // namespace supe
