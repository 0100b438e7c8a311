// A disk that is full, without one.
#pragma once

#include <sys/resource.h>
#include <csignal>
#include <stdexcept>

namespace support {

/// While it lives no file of this process grows beyond `bytes`: a write there fails (EFBIG). Pipes
/// and sockets go on.
class file_size_limit {
public:
    explicit file_size_limit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit small{bytes, before_.rlim_max};
        if (::setrlimit(RLIMIT_FSIZE, &small) != 0)
            throw std::runtime_error("RLIMIT_FSIZE cannot be set");
    }
    ~file_size_limit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }
    file_size_limit(const file_size_limit&) = delete;
    file_size_limit& operator=(const file_size_limit&) = delete;

private:
    rlimit before_{};
    void (*handler_)(int);
};

}  // namespace support
