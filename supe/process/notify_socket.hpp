// The receiving side of NOTIFY_SOCKET (systemd's sd_notify protocol): one socket for each life of a
// child.
#pragma once

#include "supe/async/unique_fd.hpp"
#include "supe/process/socket_file.hpp"

#include <sys/types.h>
#include <string>
#include <vector>

namespace supe {

/// A datagram socket at a path, as systemd's, so that a child in another network namespace reaches
/// it too. Where the path cannot be had, it has an abstract name that the kernel chose. Source:
/// sd_notify(3).
class notify_socket {
public:
    /// `path`: for the file, which is removed at the end; one of an earlier life is replaced. Its
    /// directory is made, for our user alone. An abstract name where `path` is empty, is too long
    /// for a socket, or fails. Returns an object that is false when that fails too, with the reason
    /// in errno.
    static notify_socket open(const std::string& path);

    explicit operator bool() const { return static_cast<bool>(fd_); }
    /// A second descriptor of the same socket. Throws system_error when no descriptor is free.
    unique_fd again() const;
    /// The value of NOTIFY_SOCKET: the path, or `@` and the name.
    const std::string& name() const { return name_; }

    /// Returns the datagrams that have arrived, at most 64, without waiting. Any process on this
    /// machine may find an abstract name. So only datagrams of our user, of root, or of the process
    /// group or the descendants of `child` (which may run as another user) count.
    std::vector<std::string> receive(pid_t child);
    /// A longer one is dropped, as systemd does.
    static constexpr std::size_t datagram_limit = 4096;  // bytes, as its NOTIFY_BUFFER_MAX
    /// True at the first call after one was dropped, and never again.
    bool dropped_one();

private:
    bool bind_to(const std::string& path);
    bool bind_to_any_name();

    unique_fd fd_;
    std::string name_;
    socket_file file_;  // none: the name is abstract
    enum class dropped { none, one, reported };
    dropped dropped_ = dropped::none;
};

}  // namespace supe
