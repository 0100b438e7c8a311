// For as long as it lives, what this process prints is dropped.
#pragma once

#include "supe/async/unique_fd.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <array>

namespace support {

class quiet_output {
public:
    explicit quiet_output(bool is_quiet = true) {
        if (!is_quiet) return;
        const supe::unique_fd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
        for (const int fd : {1, 2}) {
            before_.at(static_cast<std::size_t>(fd - 1)).reset(::dup(fd));
            ::dup2(nowhere.get(), fd);
        }
    }
    ~quiet_output() {
        for (const int fd : {1, 2})
            if (const auto& old = before_.at(static_cast<std::size_t>(fd - 1)))
                ::dup2(old.get(), fd);
    }
    quiet_output(const quiet_output&) = delete;
    quiet_output& operator=(const quiet_output&) = delete;

private:
    std::array<supe::unique_fd, 2> before_;
};

}  // namespace support
