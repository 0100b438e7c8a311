// Which life of which child a process belongs to, whatever it did to leave: it forked twice, called
// setsid, wiped its environment, or changed its title.
//
// Every process inherits its resource limits, and proc(5) shows them. One of them, RLIMIT_LOCKS,
// has no effect since Linux 2.4. So its soft limit is our mark: set between fork and exec of a
// child, it is found in all that descends from it. A supervisor marks its own children anew. Where
// the hard limit is too low there is no mark, and a process that raises its limit loses it: session
// and environment are looked at then (descendants.cpp).
//
// `su -` takes all of these away: pam_limits(8) resets every limit, and a daemon behind it has a
// session of its own. One more value is inherited over fork, exec and a change of user, and nothing
// resets it: the timer slack (prctl(2), PR_SET_TIMERSLACK), 50,000 ns by default. So each child
// gets a few microseconds more, by its pid. This second mark is read where no other sign is. It is
// not unique, it does not name the tree, and only who has CAP_SYS_NICE may read it of others.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>
#include <cstdint>
#include <optional>

namespace supe {

struct life_mark {
    std::uint64_t tree = 0;  ///< the state directory's: from least_tree, less than 2^41
    pid_t life = 0;          ///< the process that was started for a child; pids end at 2^22

    /// A limit that somebody set for a reason of his own is smaller: it is no mark.
    static constexpr std::uint64_t least_tree = std::uint64_t{1} << 32;

    /// As the soft limit. Called between fork and exec too.
    rlim_t as_limit() const;
    static std::optional<life_mark> from_limit(rlim_t soft);
    friend bool operator==(const life_mark&, const life_mark&) = default;
};

/// A tree that no other one is likely to have.
std::uint64_t new_tree_mark();

/// Nothing when it has none, or is gone.
std::optional<life_mark> mark_of(pid_t pid);

/// A timer slack, in nanoseconds; 0: none that is a mark.
using slack_mark = unsigned long;

/// The mark of a life. Another life may have the same one. Called between fork and exec too.
slack_mark slack_mark_for(pid_t life);
/// 0 when it has none, is gone, or may not be read.
slack_mark slack_mark_of(pid_t pid);
/// Gives this process the mark of its own life. Where ours was set by somebody else
/// (`TimerSlackNSec` of systemd) it keeps that, and has no mark. Called between fork and exec.
void set_slack_mark();

}  // namespace supe
