// The socket that systemd's protocol calls NOTIFY_SOCKET, on the receiving side: one for each life
// of a child.
#pragma once

#include "supe/async/unique_fd.hpp"

#include <sys/types.h>
#include <string>
#include <vector>

namespace supe {

/// A datagram socket with an abstract name that the kernel chose: no file to leave behind, no limit
/// of a path's length, and what an earlier life sent late cannot reach the next one. Source:
/// sd_notify(3).
class notify_socket {
public:
    /// Without a descriptor where it fails; errno says why.
    static notify_socket open();

    explicit operator bool() const { return static_cast<bool>(fd_); }
    /// A second descriptor of it. Throws system_error where there is none to be had.
    unique_fd again() const;
    /// As NOTIFY_SOCKET has it: `@` and the name.
    const std::string& name() const { return name_; }

    /// The datagrams that are there, at most 64 of them, without waiting. Anyone on this machine
    /// may find the name, so only those count that come from our user, from root, or from the group
    /// of the process `child` (it may run as another user).
    std::vector<std::string> receive(pid_t child);

private:
    unique_fd fd_;
    std::string name_;
};

}  // namespace supe
