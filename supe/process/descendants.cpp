// How the orphans of a child are found. This process is a subreaper, so a process whose parent dies
// becomes a child of our first thread, and /proc/self/task/PID/children lists it. What we started
// ourselves (own_children) is never an orphan.
//
// Whose an orphan is, says its mark (life_mark.hpp): the pid of the child that it descends from. A
// mark that names none of our living children is of a life that is over: of an earlier child, or of
// one below a nested supervisor that died, since a living one gets its orphans itself. Such an
// orphan is killed when it is seen. One without a mark is known by the session of its child, by
// SUPE_ADDRESS in its environment, or, where it has no address either, by its slack_mark.
//
// An orphan that may not be killed (EPERM: it is another user's) may live for ever. No end waits
// for it, and it is reported once.
//
// The children of an orphan become our orphans when it dies. So look_for_orphans() lists again
// after each one that it reaps, and the caller repeats end_life() until nothing is left.
#include "supe/process/descendants.hpp"

#include "supe/process/life_mark.hpp"
#include "supe/storage/proc_text.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace supe {
namespace {

constexpr int most_passes = 8;  // in one call, however quickly orphans come and go

/// What is known of an orphan, as it was when it was first seen.
struct orphan {
    std::optional<life_mark> mark;
    pid_t session = 0;
    std::string address;     // SUPE_ADDRESS; read where there is no mark
    slack_mark slack = 0;    // read where there is no address either
    bool inherited = false;  // a child of this process before it was a supervisor
    bool reported = false;   // as one that may not be killed
    pid_t waiting_life = 0;  // the life whose end waits for it; 0: none does yet
};

/// By pid: it is not used again before we have reaped it.
std::unordered_map<pid_t, orphan>& known_orphans() {
    static std::unordered_map<pid_t, orphan> orphans;
    return orphans;
}

/// The pids that this process started, in whichever part of it.
std::unordered_set<pid_t>& own_children() {
    static std::unordered_set<pid_t> pids;
    return pids;
}

/// Those of the processes that this process started.
std::unordered_multiset<slack_mark>& own_slacks() {
    static std::unordered_multiset<slack_mark> slacks;
    return slacks;
}

/// The kernel's list does not shrink while it is read, because a child stays in it until we reap
/// it. New children come at the end.
std::vector<pid_t> all_children() {
    // Orphans become children of the first thread, whichever thread made this process a subreaper.
    const std::string self = std::to_string(::getpid());
    std::vector<pid_t> pids;
    pid_t pid = 0;
    for (const char c : proc_text("/proc/self/task/" + self + "/children")) {
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
    const std::string stat = proc_text("/proc/" + std::to_string(pid) + "/stat");
    std::size_t at = stat.rfind(')');
    for (int field = 0; field < number && at != std::string::npos; ++field)
        at = stat.find(' ', at + 1);
    return at == std::string::npos ? 0 : std::strtoul(stat.c_str() + at, nullptr, 10);
}

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

orphan identify(pid_t pid) {
    static const std::optional<life_mark> our_own = mark_of(::getpid());
    static const slack_mark our_slack = slack_mark_of(::getpid());
    orphan o;
    o.session = ::getsid(pid);
    o.mark = mark_of(pid);
    if (o.mark == our_own) o.mark.reset();  // inherited from us, and not set by a launcher
    if (!o.mark) o.address = variable_of(pid, "SUPE_ADDRESS");
    if (!o.mark && o.address.empty()) o.slack = slack_mark_of(pid);
    if (o.slack == our_slack) o.slack = 0;
    return o;
}

/// Its child is dead and reaped.
bool is_over(const orphan& o) {
    if (o.mark) return !own_children().contains(o.mark->life);
    return o.slack != 0 && !own_children().contains(o.session) && !own_slacks().contains(o.slack);
}

/// A process that forks and ends, again and again, is gone before its number is signalled; the
/// group gets the signal as a whole, forks included. The group is the orphan's alone or that of its
/// relatives, since each child begins a session of its own.
///
/// False where it may not be signalled: it is another user's.
bool kill_with_group(pid_t pid) {
    const pid_t group = ::getpgid(pid);
    if (group > 1 && ::getsid(pid) != ::getsid(0)) ::kill(-group, SIGKILL);
    return ::kill(pid, SIGKILL) == 0 || errno != EPERM;
}

}  // namespace

std::string variable_of(pid_t pid, std::string_view name) {
    const std::string environment = proc_text("/proc/" + std::to_string(pid) + "/environ");
    for (std::string_view rest = environment; !rest.empty();) {
        const std::string_view entry = rest.substr(0, rest.find('\0'));
        if (entry.starts_with(name) && entry.substr(name.size()).starts_with('='))
            return std::string(entry.substr(name.size() + 1));
        rest.remove_prefix(std::min(entry.size() + 1, rest.size()));
    }
    return {};
}

bool has_ended(const unique_fd& process) {
    pollfd ended{process.get(), POLLIN, 0};
    return ::poll(&ended, 1, 0) > 0;
}

void adopt_child(pid_t pid) {
    if (own_children().insert(pid).second) own_slacks().insert(slack_mark_for(pid));
}

void forget_child(pid_t pid) {
    if (own_children().erase(pid) > 0) own_slacks().erase(own_slacks().find(slack_mark_for(pid)));
}

void leave_alone_inherited_children() {
    for (const pid_t pid : all_children())
        if (!own_children().contains(pid)) known_orphans()[pid].inherited = true;
}

/// One that may not be signalled is there too.
bool has_members(pid_t group) {
    for (pid_t pid; (pid = ::waitpid(-group, nullptr, WNOHANG)) > 0;) known_orphans().erase(pid);
    return ::kill(-group, 0) == 0 || errno == EPERM;
}

orphan_list look_for_orphans() {
    orphan_list found;
    bool reaped = true;
    // A reaped orphan may have left its children to us after the list was read: then list again.
    for (int pass = 0; reaped && pass < most_passes; ++pass) {
        reaped = false;
        found.living.clear();
        for (const pid_t pid : all_children()) {
            if (own_children().contains(pid)) continue;
            if (::waitpid(pid, nullptr, WNOHANG) == pid) {
                known_orphans().erase(pid);
                reaped = true;
                continue;
            }
            const auto [entry, is_new] = known_orphans().try_emplace(pid);
            if (is_new) entry->second = identify(pid);
            if (is_over(entry->second)) kill_with_group(pid);
            found.living.push_back(pid);
        }
    }
    found.complete = !reaped;
    return found;
}

left_descendants end_life(const orphan_list& found, pid_t life, const std::string& address) {
    left_descendants left;
    left.none = found.complete;
    for (const pid_t pid : found.living) {
        const auto known = known_orphans().find(pid);
        if (known == known_orphans().end()) continue;  // reaped since that look
        orphan& o = known->second;
        const bool named = !o.mark && !o.inherited &&
                           (o.session == life || (!own_children().contains(o.session) &&
                                                  lies_below(o.address, address)));
        if (!named && !is_over(o)) continue;
        if (!kill_with_group(pid)) {
            if (!std::exchange(o.reported, true)) left.untouchable.push_back(pid);
            continue;
        }
        if (o.waiting_life == 0 || (o.mark && o.mark->life == life)) o.waiting_life = life;
        if (o.waiting_life == life) left.none = false;
    }
    return left;
}

bool end_all(const orphan_list& found) {
    bool none = found.complete;
    for (const pid_t pid : found.living) {
        if (known_orphans()[pid].inherited) continue;
        if (kill_with_group(pid)) none = false;
    }
    return none;
}

std::vector<unique_fd> kill_left_behind(const std::filesystem::path& state, std::uint64_t tree) {
    const auto is_ours = [&](pid_t pid) {
        const auto mark = mark_of(pid);
        // The directory of a living root may have been deleted and made again: those of that root
        // name our directory, and have the mark of theirs.
        return mark ? mark->tree == tree : is_on(state, pid);
    };
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
        if (!process || has_ended(process) || !is_ours(pid) || ::getpgid(pid) == ::getpgrp())
            continue;
        if (::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0) == 0)
            killed.push_back(std::move(process));
    }
    return killed;
}

}  // namespace supe
