#include "supe/process/group_rest.hpp"

#include "supe/async/unique_fd.hpp"
#include "supe/process/descendants.hpp"

#include <sys/syscall.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>
#include <unordered_map>

namespace supe {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr auto least_pause = 50ms;  // before a look: since the one before, and the first question
constexpr int share_of_time = 20;   // a look takes a twentieth of the time at most

/// The members of a group that a look found.
struct members {
    bool any_dead = false;
    bool any_living = false;
    bool any_takes_signals = false;
    pid_t untouchable = 0;
};

struct question {
    steady::time_point first_asked;
    std::optional<members> found;  // by the last look
};

/// By group.
std::unordered_map<pid_t, question>& questions() {
    static std::unordered_map<pid_t, question> all;
    return all;
}

void add_member(members& all, pid_t pid) {
    const unique_fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!process && errno == ESRCH) return;  // reaped meanwhile
    if (process && has_ended(process)) {
        all.any_dead = true;
        return;
    }
    all.any_living = true;
    if (::kill(pid, 0) == 0) {
        all.any_takes_signals = true;
    } else if (errno == EPERM) {
        all.untouchable = pid;
    }
}

void look_at_all_processes() {
    for (auto& [group, about] : questions()) about.found = members{};
    std::error_code failed;
    for (std::filesystem::directory_iterator entry("/proc", failed), end; !failed && entry != end;
         entry.increment(failed)) {
        const auto pid = static_cast<pid_t>(std::atoi(entry->path().filename().c_str()));
        if (pid <= 0) continue;
        const auto about = questions().find(::getpgid(pid));
        if (about != questions().end()) add_member(*about->second.found, pid);
    }
}

}  // namespace

group_rest rest_of_group(pid_t group) {
    static steady::time_point next_look{};
    const auto now = steady::now();
    const question& about = questions().try_emplace(group, question{now, {}}).first->second;
    if (now >= std::max<steady::time_point>(next_look, about.first_asked + least_pause)) {
        look_at_all_processes();
        const auto ended = steady::now();
        next_look = ended + std::max<steady::duration>(least_pause, share_of_time * (ended - now));
    }
    group_rest rest;
    if (!about.found) return rest;
    const members& found = *about.found;
    // Where no member was found at all, one that had just been forked was missed, or they are
    // hidden from us (`hidepid` of proc(5)): the group lives.
    rest.lives = found.any_living || !found.any_dead;
    if (!found.any_takes_signals) rest.untouchable = found.untouchable;
    if (!found.any_living && rest.lives && ::kill(-group, 0) != 0 && errno == EPERM)
        rest.untouchable = group;
    return rest;
}

void forget_group(pid_t group) { questions().erase(group); }

}  // namespace supe
