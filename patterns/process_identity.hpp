// Which process, although the kernel gives its numbers again.
#pragma once

#include <sys/types.h>
#include <compare>
#include <cstdint>

namespace patterns {

struct process_identity {
    pid_t pid = 0;
    std::uint64_t started = 0;  ///< clock ticks from boot to its start (proc(5), stat)
    auto operator<=>(const process_identity&) const = default;
};

/// The process that has this number now; `started` is 0 where there is none, or /proc does not say.
process_identity process_of(pid_t pid);
/// This one.
process_identity own_process();

}  // namespace patterns
