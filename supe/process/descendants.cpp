// How the orphans of a child are found. This process is a subreaper, so a process whose parent dies
// becomes a child of our first thread, and /proc/self/task/PID/children lists it. SUPE_ADDRESS in
// its environment names the child that it descends from. What we started ourselves (own_children)
// is never an orphan.
//
// The children of an orphan become our orphans when it dies. So look_for_orphans() lists again
// after each one that it reaps, and the caller repeats kill_below() until nothing is left.
#include "supe/process/descendants.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace supe {
namespace {

constexpr int most_passes = 8;  // in one call, however quickly orphans come and go

/// The addresses of orphans, by pid. A pid is not used again before we have reaped it.
std::unordered_map<pid_t, std::string>& known_addresses() {
    static std::unordered_map<pid_t, std::string> addresses;
    return addresses;
}

/// The pids that this process started, in whichever part of it.
std::unordered_set<pid_t>& own_children() {
    static std::unordered_set<pid_t> pids;
    return pids;
}

/// Empty when the file cannot be read.
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

/// The kernel's list does not shrink while it is read, because a child stays in it until we reap
/// it. New children come at the end.
std::vector<pid_t> all_children() {
    // Orphans become children of the first thread, whichever thread made this process a subreaper.
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

/// A field of proc(5) `stat`, counted from 1 behind the name. Zero when the file cannot be read.
unsigned long field_of(pid_t pid, int number) {
    const std::string stat = contents("/proc/" + std::to_string(pid) + "/stat");
    std::size_t at = stat.rfind(')');
    for (int field = 0; field < number && at != std::string::npos; ++field)
        at = stat.find(' ', at + 1);
    return at == std::string::npos ? 0 : std::strtoul(stat.c_str() + at, nullptr, 10);
}

/// PF_EXITING of the field `flags`.
bool is_exiting(pid_t pid) { return (field_of(pid, 7) & 4) != 0; }

pid_t parent_of(pid_t pid) { return static_cast<pid_t>(field_of(pid, 2)); }

std::string contents_of_link(const std::string& link) {
    std::error_code failed;
    return std::filesystem::read_symlink(link, failed).string();
}

/// True when SUPE_STATE of the process is this directory. Device and inode are compared, not names:
/// another container may have a directory of the same name.
bool is_on(const std::filesystem::path& state, pid_t pid) {
    const std::string named = variable_of(pid, "SUPE_STATE");
    if (named.empty()) return false;
    // With the same mounts the name is looked up in our root, since the process may have another
    // one (chroot).
    const bool same_mounts = contents_of_link(fmt::format("/proc/{}/ns/mnt", pid)) ==
                             contents_of_link("/proc/self/ns/mnt");
    const std::string path = same_mounts ? named : fmt::format("/proc/{}/root{}", pid, named);
    struct stat its{}, ours{};
    return ::stat(path.c_str(), &its) == 0 && ::stat(state.c_str(), &ours) == 0 &&
           its.st_dev == ours.st_dev && its.st_ino == ours.st_ino;
}

bool lies_below(std::string_view address, std::string_view root) {
    return address.starts_with(root) &&
           (address.size() == root.size() || address[root.size()] == '/');
}

}  // namespace

std::string variable_of(pid_t pid, std::string_view name) {
    const std::string environment = contents("/proc/" + std::to_string(pid) + "/environ");
    for (std::string_view rest = environment; !rest.empty();) {
        const std::string_view entry = rest.substr(0, rest.find('\0'));
        if (entry.starts_with(name) && entry.substr(name.size()).starts_with('='))
            return std::string(entry.substr(name.size() + 1));
        rest.remove_prefix(std::min(entry.size() + 1, rest.size()));
    }
    return {};
}

void adopt_child(pid_t pid) { own_children().insert(pid); }
void forget_child(pid_t pid) { own_children().erase(pid); }

std::vector<orphan> look_for_orphans() {
    std::vector<orphan> living;
    bool reaped = true;
    // A reaped orphan may have left its children to us after the list was read: then list again.
    for (int pass = 0; reaped && pass < most_passes; ++pass) {
        reaped = false;
        living.clear();
        for (const pid_t pid : all_children()) {
            if (own_children().contains(pid)) continue;
            if (::waitpid(pid, nullptr, WNOHANG) == pid) {
                known_addresses().erase(pid);
                reaped = true;
                continue;
            }
            std::string& address = known_addresses()[pid];
            if (address.empty()) address = variable_of(pid, "SUPE_ADDRESS");
            living.push_back({pid, address, address.empty() && is_exiting(pid)});
        }
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

std::vector<unique_fd> kill_left_behind(const std::filesystem::path& state) {
    std::unordered_set<pid_t> ancestors;
    for (pid_t pid = ::getpid(); pid > 0 && ancestors.insert(pid).second;) pid = parent_of(pid);
    std::vector<unique_fd> killed;
    std::error_code failed;
    for (std::filesystem::directory_iterator entry("/proc", failed), end; !failed && entry != end;
         entry.increment(failed)) {
        const auto pid = static_cast<pid_t>(std::atoi(entry->path().filename().c_str()));
        if (pid <= 0 || ancestors.contains(pid)) continue;
        // Opened before its environment is read, so that both are of the same process.
        unique_fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
        if (!process || !is_on(state, pid) || ::getpgid(pid) == ::getpgrp()) continue;
        if (::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0) == 0)
            killed.push_back(std::move(process));
    }
    return killed;
}

}  // namespace supe
