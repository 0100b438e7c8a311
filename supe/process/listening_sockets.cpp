// Opens listening sockets: both IP versions on one socket, unix sockets in place of stale files,
// errors that name the address.
#include "supe/process/listening_sockets.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace supe {

namespace {

[[noreturn]] void fail(const std::string& address, std::string_view why) {
    throw listen_error(fmt::format("{}: {}", address, why));
}

[[noreturn]] void fail_with_errno(const std::string& address) {
    fail(address, std::generic_category().message(errno));
}

/// Any socket address, with its length.
struct socket_address {
    sockaddr_storage storage{};
    socklen_t size = 0;

    int family() const { return storage.ss_family; }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }

    template <class T>
    static socket_address of(const T& native) {
        socket_address address;
        std::memcpy(&address.storage, &native, sizeof native);
        address.size = sizeof native;
        return address;
    }
};

socket_address ipv4(const std::string& host, std::uint16_t port) {
    sockaddr_in native{};
    native.sin_family = AF_INET;
    native.sin_port = htons(port);
    ::inet_pton(AF_INET, host.c_str(), &native.sin_addr);
    return socket_address::of(native);
}

socket_address ipv6(const std::string& host, std::uint16_t port) {
    sockaddr_in6 native{};
    native.sin6_family = AF_INET6;
    native.sin6_port = htons(port);
    ::inet_pton(AF_INET6, host.c_str(), &native.sin6_addr);
    return socket_address::of(native);
}

socket_address unix_address(const std::string& path, const std::string& text) {
    sockaddr_un native{};
    native.sun_family = AF_UNIX;
    if (path.size() >= sizeof native.sun_path)
        fail(text, fmt::format("the path has {} bytes, at most {} are allowed", path.size(),
                               sizeof native.sun_path - 1));
    path.copy(native.sun_path, path.size());
    return socket_address::of(native);
}

// The next four functions return an invalid descriptor when they fail, with the reason in errno.

unique_fd bound(unique_fd fd, const socket_address& address) {
    if (!fd || ::bind(fd.get(), address.get(), address.size) == 0) return fd;
    const int why = errno;
    fd.reset();
    errno = why;
    return fd;
}

unique_fd inet_socket(int family) {
    unique_fd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // A restarted supervisor must not wait for TIME_WAIT of the connections of the earlier one.
    const int on = 1;
    if (fd) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return fd;
}

unique_fd bound_inet(const socket_address& address) {
    return bound(inet_socket(address.family()), address);
}

unique_fd bound_to_any(std::uint16_t port) {
    unique_fd fd = inet_socket(AF_INET6);
    const int off = 0;
    if (fd) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    fd = bound(std::move(fd), ipv6("::", port));
    const bool no_ipv6 = !fd && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL);
    return no_ipv6 ? bound_inet(ipv4("0.0.0.0", port)) : std::move(fd);
}

void listen_on(const unique_fd& fd, const std::string& text) {
    if (::listen(fd.get(), SOMAXCONN) != 0) fail_with_errno(text);
}

/// True for the socket file of a dead process: the connection is refused. A socket that answers, or
/// whose backlog is full, is alive.
bool is_stale(const socket_address& address) {
    const unique_fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return probe && ::connect(probe.get(), address.get(), address.size) != 0 &&
           errno == ECONNREFUSED;
}

/// As bound(), but a stale socket file is removed first.
unique_fd bound_unix(const socket_address& address, const std::string& path,
                     const std::string& text) {
    const auto attempt = [&] {
        return bound(unique_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), address);
    };
    unique_fd fd = attempt();
    if (fd || errno != EADDRINUSE) return fd;
    struct stat found{};
    if (::lstat(path.c_str(), &found) == 0 && !S_ISSOCK(found.st_mode))
        fail(text, "the file exists and is not a socket");
    if (is_stale(address) && ::unlink(path.c_str()) == 0) return attempt();
    errno = EADDRINUSE;
    return fd;
}

std::string print(const socket_address& address) {
    char host[INET6_ADDRSTRLEN] = {};
    if (address.family() == AF_INET) {
        const auto& native = reinterpret_cast<const sockaddr_in&>(address.storage);
        ::inet_ntop(AF_INET, &native.sin_addr, host, sizeof host);
        return fmt::format("{}:{}", host, ntohs(native.sin_port));
    }
    const auto& native = reinterpret_cast<const sockaddr_in6&>(address.storage);
    ::inet_ntop(AF_INET6, &native.sin6_addr, host, sizeof host);
    return fmt::format("[{}]:{}", host, ntohs(native.sin6_port));
}

}  // namespace

listening_sockets_of_child::listening_sockets_of_child(const std::vector<std::string>& addresses,
                                                       const std::filesystem::path& directory) {
    for (const auto& text : addresses) {
        const auto address = parse_listen_address(text);
        const bool is_unix = address.what == listen_address::kind::unix_path;
        listeners_.push_back(is_unix ? open_unix(address, directory) : open_inet(address, text));
    }
}

auto listening_sockets_of_child::open_inet(const listen_address& address, const std::string& text)
    -> listener {
    using kind = listen_address::kind;
    unique_fd fd;
    switch (address.what) {
        case kind::ipv4: fd = bound_inet(ipv4(address.host, address.port)); break;
        case kind::ipv6: fd = bound_inet(ipv6(address.host, address.port)); break;
        default: fd = bound_to_any(address.port);
    }
    if (!fd) fail_with_errno(text);
    listen_on(fd, text);
    return {std::move(fd), {}};
}

auto listening_sockets_of_child::open_unix(const listen_address& address,
                                           const std::filesystem::path& directory) -> listener {
    const std::string path = (directory / address.path).lexically_normal().string();
    const std::string text = fmt::format("{}{}", unix_prefix, path);
    const auto where = unix_address(path, text);
    unique_fd fd = bound_unix(where, path, text);
    if (!fd) fail_with_errno(text);
    socket_file file(path);
    // Before listen(), so that no client connects before the mode is right.
    if (::chmod(path.c_str(), 0666) != 0) fail_with_errno(text);
    listen_on(fd, text);
    return {std::move(fd), std::move(file)};
}

std::vector<int> listening_sockets_of_child::descriptors() const {
    std::vector<int> all;
    for (const auto& l : listeners_) all.push_back(l.fd.get());
    return all;
}

std::vector<std::string> listening_sockets_of_child::addresses() const {
    std::vector<std::string> all;
    for (const auto& l : listeners_) {
        socket_address bound;
        bound.size = sizeof bound.storage;
        ::getsockname(l.fd.get(), bound.get(), &bound.size);
        all.push_back(bound.family() == AF_UNIX ? fmt::format("{}{}", unix_prefix, l.file.path())
                                                : print(bound));
    }
    return all;
}

listening_sockets_of_child::socket_file::socket_file(std::string path) : path_(std::move(path)) {
    struct stat made{};
    ::lstat(path_.c_str(), &made);
    device_ = made.st_dev;
    inode_ = made.st_ino;
}

listening_sockets_of_child::socket_file::socket_file(socket_file&& other) noexcept
    : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}

auto listening_sockets_of_child::socket_file::operator=(socket_file&& other) noexcept
    -> socket_file& {
    if (this == &other) return *this;
    remove();
    path_ = std::exchange(other.path_, {});
    device_ = other.device_;
    inode_ = other.inode_;
    return *this;
}

void listening_sockets_of_child::socket_file::remove() {
    struct stat found{};
    if (path_.empty() || ::lstat(path_.c_str(), &found) != 0) return;
    if (found.st_dev == device_ && found.st_ino == inode_) ::unlink(path_.c_str());
}

}  // namespace supe
