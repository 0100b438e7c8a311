#include "supe/process/child_environment.hpp"

namespace supe {

child_environment::child_environment(const launch_request& request, int last,
                                     const std::string& notify_name) {
    if (request.channel) {
        added.push_back("NODE_CHANNEL_FD=" + std::to_string(last));
        added.push_back("NODE_CHANNEL_SERIALIZATION_MODE=json");
    }
    if (!request.listening.empty()) {
        added.push_back("LISTEN_FDS=" + std::to_string(request.listening.size()));
        std::string names = "LISTEN_FDNAMES=" + request.listening_name;
        for (std::size_t i = 1; i < request.listening.size(); ++i)
            names += ":" + request.listening_name;
        added.push_back(std::move(names));
        with_pid.push_back("LISTEN_PID=" + std::string(16, '\0'));
    }
    if (request.notify) added.push_back("NOTIFY_SOCKET=" + notify_name);
    if (request.watchdog) {
        added.push_back("WATCHDOG_USEC=" + std::to_string(request.watchdog->count()));
        with_pid.push_back("WATCHDOG_PID=" + std::string(16, '\0'));
    }
    for (const std::string& entry : request.environment) entries.push_back(entry.c_str());
    for (const std::string& entry : added) entries.push_back(entry.c_str());
    for (const std::string& entry : with_pid) entries.push_back(entry.c_str());
    entries.push_back(nullptr);
}

}  // namespace supe
