// A process with few descriptors.
#pragma once

#include "supe/async/unique_fd.hpp"

#include <sys/resource.h>
#include <unistd.h>

namespace support {

/// Leaves room for `n` more descriptors.
class few_descriptors {
public:
    explicit few_descriptors(rlim_t n) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const supe::unique_fd next(::dup(0));
        rlimit lowered = before_;
        lowered.rlim_cur = static_cast<rlim_t>(next.get()) + n;
        ::setrlimit(RLIMIT_NOFILE, &lowered);
    }
    ~few_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    few_descriptors(const few_descriptors&) = delete;

private:
    rlimit before_{};
};

}  // namespace support
