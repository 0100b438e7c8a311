// What is left of the group of a child whose first process is dead and reaped. kill(2) tells that a
// group has members, but not whether they are all dead and only not reaped by their parent, nor
// which of them may not be signalled. /proc tells both.
#pragma once

#include <sys/types.h>

namespace supe {

struct group_rest {
    bool lives = true;      ///< false: a member is there, and none that is not dead
    pid_t untouchable = 0;  ///< the pid of a living member, when none of them may be signalled;
                            ///< that of the group where /proc hides its members
};

/// As a look at all processes found it, a short time ago. The looks take a twentieth of the time at
/// most, whoever asks, and however many processes there are, and none is made for a group that is
/// gone within 50 ms. So the first answers about a group are the defaults.
group_rest rest_of_group(pid_t group);
/// It is not looked at any more. Call it when nobody asks again.
void forget_group(pid_t group);

}  // namespace supe
