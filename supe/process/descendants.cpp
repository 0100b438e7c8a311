#include "supe/process/descendants.hpp"

#include "supe/process/unique_fd.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <string_view>
#include <sys/wait.h>
#include <unordered_map>
#include <unordered_set>

namespace supe {
namespace {

/// What orphans once said of themselves. A number is not used again before we have reaped it.
std::unordered_map<pid_t, std::string>& known_addresses() {
    static std::unordered_map<pid_t, std::string> addresses;
    return addresses;
}

/// A process has one set of children, whichever part of it started them.
std::unordered_set<pid_t>& own_children() {
    static std::unordered_set<pid_t> pids;
    return pids;
}

/// Empty where it cannot be read.
std::string contents(const std::string& file) {
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

/// Nothing leaves the kernel's list while it is read: a child stays in it until we reap it. What comes is put at the end.
std::vector<pid_t> all_children() {
    // Orphans fall to the first thread of their new parent, whichever of its threads asked for them.
    const std::string self = std::to_string(::getpid());
    std::vector<pid_t> pids;
    pid_t pid = 0;
    for (const char c : contents("/proc/self/task/" + self + "/children")) {
        if (c >= '0' && c <= '9') {
            pid = 10 * pid + (c - '0');
        } else if (pid != 0) {
            pids.push_back(std::exchange(pid, 0));
        }
    }
    return pids;
}

/// Of the environment that its program began with; what it changed since does not show.
std::string address_of(pid_t pid) {
    const std::string environment = contents("/proc/" + std::to_string(pid) + "/environ");
    constexpr std::string_view key = "SUPE_ADDRESS=";
    std::string_view rest = environment;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\0'), rest.size());
        if (rest.starts_with(key)) return std::string(rest.substr(key.size(), end - key.size()));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return {};
}

/// proc(5), stat: the seventh field after the name is `flags`; PF_EXITING is 4.
bool is_exiting(pid_t pid) {
    const std::string stat = contents("/proc/" + std::to_string(pid) + "/stat");
    std::size_t at = stat.rfind(')');
    for (int field = 0; field < 7 && at != std::string::npos; ++field) at = stat.find(' ', at + 1);
    return at != std::string::npos && (std::strtoul(stat.c_str() + at, nullptr, 10) & 4) != 0;
}

bool lies_below(std::string_view address, std::string_view root) {
    return address.starts_with(root) && (address.size() == root.size() || address[root.size()] == '/');
}

}  // namespace

void adopt_child(pid_t pid) { own_children().insert(pid); }
void forget_child(pid_t pid) { own_children().erase(pid); }

std::vector<orphan> look_for_orphans() {
    std::vector<orphan> living;
    for (const pid_t pid : all_children()) {
        if (own_children().contains(pid)) continue;
        if (::waitpid(pid, nullptr, WNOHANG) == pid) {
            known_addresses().erase(pid);
            continue;
        }
        std::string& address = known_addresses()[pid];
        if (address.empty()) address = address_of(pid);
        living.push_back({pid, address, address.empty() && is_exiting(pid)});
    }
    return living;
}

bool kill_below(const std::vector<orphan>& orphans, const std::string& root) {
    bool none = true;
    for (const orphan& o : orphans) {
        const bool meant = lies_below(o.address, root);
        if (meant) ::kill(o.pid, SIGKILL);
        if (meant || o.exiting) none = false;
    }
    return none;
}

}  // namespace supe
