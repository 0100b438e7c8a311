#include "supe/run/environment.hpp"

#include <unistd.h>
#include <algorithm>
#include <cstdlib>
#include <string_view>

extern char** environ;

namespace supe {

std::string environment_variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

std::vector<std::string> inherited_variables() {
    constexpr std::string_view ours[] = {"NODE_CHANNEL_FD=",   "NODE_CHANNEL_SERIALIZATION_MODE=",
                                         "LISTEN_FDS=",        "LISTEN_PID=",
                                         "LISTEN_FDNAMES=",    "NOTIFY_SOCKET=",
                                         "WATCHDOG_USEC=",     "WATCHDOG_PID=",
                                         "SUPE_CITIZEN_NAME=", "SUPE_ADDRESS=",
                                         "SUPE_STATE="};
    std::vector<std::string> kept;
    for (char** entry = environ; *entry; ++entry) {
        const std::string_view text(*entry);
        if (std::ranges::none_of(ours,
                                 [&](std::string_view name) { return text.starts_with(name); }))
            kept.emplace_back(text);
    }
    return kept;
}

}  // namespace supe
