// One listening socket (contract §5 `listen`).
#pragma once

#include "supe/async/unique_fd.hpp"
#include "supe/process/listen_address.hpp"
#include "supe/process/socket_file.hpp"

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace supe {

/// what() is one line: `127.0.0.1:80: Permission denied`.
class listen_error : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A socket that is wanted. `place` is where it would be bound: one text for all notations of an
/// address, as getsockname(2) would tell it afterwards, and for all paths to one directory. Port 0
/// is still 0 there.
struct wanted_socket {
    /// Throws listen_error for a path that is too long, std::invalid_argument for a malformed
    /// address. A path is relative to `directory`.
    wanted_socket(std::string_view entry, const std::filesystem::path& directory);

    listen_address address;  ///< as on this machine: never `any`. The path is whole
    std::string text;        ///< for errors: as in the tree file, but a path is whole
    std::string place;
};

/// Blocking and close-on-exec, as systemd's before it starts a service; the launcher passes it to
/// the child. A unix socket has mode 0666, as systemd's default (its directory limits who reaches
/// it), and its file is removed at the end.
class listening_socket {
public:
    /// Opens it, or throws listen_error. `leaving`: sockets that will be closed. They may have the
    /// same port until then, as `:80` beside 127.0.0.1:80.
    explicit listening_socket(const wanted_socket& wanted,
                              const std::vector<const listening_socket*>& leaving = {});

    int descriptor() const { return fd_.get(); }
    /// Where it is bound: `127.0.0.1:43211` for port 0, `unix:` with the whole path, in which no
    /// directory is a symbolic link.
    const std::string& place() const { return place_; }
    const listen_address& bound() const { return bound_; }
    /// wanted_socket::place when it was opened: `127.0.0.1:0`.
    const std::string& asked() const { return asked_; }
    /// False where its file is gone or another one: no client finds this socket.
    bool is_found() const {
        return bound_.what != listen_address::kind::unix_path || file_.is_there();
    }
    /// The path of `wanted` leads to it now. True for one without a path.
    bool is_at(const wanted_socket& wanted) const;

private:
    void open_inet(const wanted_socket& wanted,
                   const std::vector<const listening_socket*>& leaving);
    void open_unix(const wanted_socket& wanted);

    unique_fd fd_;
    socket_file file_;
    std::string place_;
    std::string asked_;
    listen_address bound_;  // with the port that the kernel chose
};

}  // namespace supe
