// The listening sockets of one child: its supervisor opens them once and keeps them across restarts
// (contract §5 `listen`).
#pragma once

#include "supe/async/unique_fd.hpp"
#include "supe/process/listen_address.hpp"
#include "supe/process/socket_file.hpp"

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace supe {

/// what() is one line: `127.0.0.1:80: Permission denied`.
class listen_error : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Owns the sockets. They are blocking and close-on-exec, as systemd's before it starts a service;
/// the launcher passes them to the child. A unix socket has mode 0666, as systemd's default (its
/// directory limits who reaches it), and its file is removed at the end.
class listening_sockets_of_child {
public:
    listening_sockets_of_child() = default;
    /// Opens all of them or throws: listen_error, or std::invalid_argument for a malformed address.
    /// In place of `before`, where it is given: takes over its sockets with the same addresses, and
    /// opens the others. When it throws, `before` is as it was.
    listening_sockets_of_child(const std::vector<std::string>& addresses,
                               const std::filesystem::path& directory,
                               listening_sockets_of_child* before = nullptr);
    listening_sockets_of_child(listening_sockets_of_child&&) = default;
    listening_sockets_of_child& operator=(listening_sockets_of_child&&) = default;

    /// In the order of the addresses. They stay owned by this object.
    std::vector<int> descriptors() const;
    /// The addresses in fact: `127.0.0.1:43211` for port 0, `unix:` with the whole path.
    std::vector<std::string> addresses() const;

private:
    struct listener {
        listen_address address;  // the path is whole
        unique_fd fd;
        socket_file file;
    };
    static listener open(const listen_address& address, const std::string& text,
                         const std::vector<listener>& before);
    static listener open_unix(const listen_address& address);

    std::vector<listener> listeners_;
};

}  // namespace supe
