#include "supe/process/descendants.hpp"

#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>
#include <unordered_set>

namespace supe {
namespace {

/// A process has one set of children, whichever part of it started them.
std::unordered_set<pid_t>& own_children() {
    static std::unordered_set<pid_t> pids;
    return pids;
}

bool lies_below(std::string_view address, std::string_view root) {
    return address.starts_with(root) && (address.size() == root.size() || address[root.size()] == '/');
}

/// False also where the environment cannot be read any more: it is dying.
bool has_address(pid_t pid, const std::string& root) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/environ", std::ios::binary);
    const std::string environment((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    constexpr std::string_view key = "SUPE_ADDRESS=";
    std::string_view rest = environment;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\0'), rest.size());
        const std::string_view entry = rest.substr(0, end);
        if (entry.starts_with(key)) return lies_below(entry.substr(key.size()), root);
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return false;
}

}  // namespace

void adopt_child(pid_t pid) { own_children().insert(pid); }
void forget_child(pid_t pid) { own_children().erase(pid); }

bool kill_descendants(const std::string& address) {
    const std::string self = std::to_string(::getpid());
    std::ifstream children("/proc/self/task/" + self + "/children");
    bool none_left = true;
    for (pid_t pid; children >> pid;) {
        if (own_children().contains(pid)) continue;
        if (::waitpid(pid, nullptr, WNOHANG) == pid) continue;
        if (!has_address(pid, address)) continue;
        ::kill(pid, SIGKILL);
        none_left = false;
    }
    return none_left;
}

}  // namespace supe
