// The receiving side of NOTIFY_SOCKET (systemd's sd_notify protocol): one socket for each life of a
// child.
#pragma once

#include "supe/async/unique_fd.hpp"

#include <sys/types.h>
#include <string>
#include <vector>

namespace supe {

/// A datagram socket with an abstract name that the kernel chose: it leaves no file behind and has
/// no limit on a path's length, and a late message of an earlier life cannot reach the next one.
/// Source: sd_notify(3).
class notify_socket {
public:
    /// Returns an object that is false when it fails, with the reason in errno.
    static notify_socket open();

    explicit operator bool() const { return static_cast<bool>(fd_); }
    /// A second descriptor of the same socket. Throws system_error when no descriptor is free.
    unique_fd again() const;
    /// The value of NOTIFY_SOCKET: `@` and the name.
    const std::string& name() const { return name_; }

    /// Returns the datagrams that have arrived, at most 64, without waiting. Any process on this
    /// machine may find the name. So only datagrams of our user, of root, or of the process group
    /// of `child` (which may run as another user) count.
    std::vector<std::string> receive(pid_t child);

private:
    unique_fd fd_;
    std::string name_;
};

}  // namespace supe
