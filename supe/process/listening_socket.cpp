// Opens a listening socket: both IP versions on one socket, unix sockets in place of stale files,
// errors that name the address.
#include "supe/process/listening_socket.hpp"

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
    bool without_ipv4 = false;  // of `::`: IPV6_V6ONLY

    int family() const { return storage.ss_family; }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
    const sockaddr_in& v4() const { return reinterpret_cast<const sockaddr_in&>(storage); }
    const sockaddr_in6& v6() const { return reinterpret_cast<const sockaddr_in6&>(storage); }
    bool is_all_of_ipv6() const {
        return family() == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6().sin6_addr);
    }

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
    static_assert(sizeof native.sun_path == unix_path_limit + 1);
    if (path.size() > unix_path_limit)
        fail(text, fmt::format("the path has {} bytes, at most {} are allowed", path.size(),
                               unix_path_limit));
    path.copy(native.sun_path, path.size());
    return socket_address::of(native);
}

unique_fd new_socket(int family) {
    return unique_fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

bool is_v6_only(int fd) {
    int on = 0;
    socklen_t size = sizeof on;
    ::getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, &size);
    return on != 0;
}

/// `::`, which takes IPv4 too, on a machine that has IPv6.
socket_address all_addresses(std::uint16_t port) {
    const unique_fd probe = new_socket(AF_INET6);
    const socket_address any = ipv6("::", 0);
    const bool works = probe && ::bind(probe.get(), any.get(), any.size) == 0;
    const bool no_ipv6 = !works && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL);
    return no_ipv6 ? ipv4("0.0.0.0", port) : ipv6("::", port);
}

socket_address resolved(const listen_address& address, const std::string& text) {
    using kind = listen_address::kind;
    if (address.what == kind::unix_path) return unix_address(address.path, text);
    if (address.what == kind::ipv4) return ipv4(address.host, address.port);
    if (address.what == kind::any) return all_addresses(address.port);
    socket_address where = ipv6(address.host, address.port);
    where.without_ipv4 = where.is_all_of_ipv6() && is_v6_only(new_socket(AF_INET6).get());
    return where;
}

/// Where it is bound.
socket_address bound_address(const unique_fd& fd) {
    socket_address where;
    where.size = sizeof where.storage;
    ::getsockname(fd.get(), where.get(), &where.size);
    where.without_ipv4 = where.is_all_of_ipv6() && is_v6_only(fd.get());
    return where;
}

std::uint16_t port_of(const socket_address& address) {
    return ntohs(address.family() == AF_INET ? address.v4().sin_port : address.v6().sin6_port);
}

std::string print(const socket_address& address) {
    char host[INET6_ADDRSTRLEN] = {};
    if (address.family() == AF_INET) {
        ::inet_ntop(AF_INET, &address.v4().sin_addr, host, sizeof host);
        return fmt::format("{}:{}", host, port_of(address));
    }
    ::inet_ntop(AF_INET6, &address.v6().sin6_addr, host, sizeof host);
    return fmt::format("[{}]:{}{}", host, port_of(address),
                       address.without_ipv4 ? " without IPv4" : "");
}

/// Sockets that share may have one port with different addresses, where all of them are of one
/// user. So `:8080` can be opened while our 127.0.0.1:8080 is still open.
void share_port(int fd, bool shares) {
    const int on = shares ? 1 : 0;
    if (fd >= 0) ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
}

// The next functions return an invalid descriptor when they fail, with the reason in errno.

unique_fd bound(unique_fd fd, const socket_address& address) {
    if (!fd || ::bind(fd.get(), address.get(), address.size) == 0) return fd;
    const int why = errno;
    fd.reset();
    errno = why;
    return fd;
}

unique_fd bound_inet(const socket_address& address, bool shares) {
    unique_fd fd = new_socket(address.family());
    // A restarted supervisor must not wait for TIME_WAIT of the connections of the earlier one.
    const int on = 1;
    if (fd) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd && address.is_all_of_ipv6()) {
        const int alone = address.without_ipv4 ? 1 : 0;
        ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &alone, sizeof alone);
    }
    share_port(fd.get(), shares);
    return bound(std::move(fd), address);
}

/// Two sockets may be bound to one port, and the second one fails here.
unique_fd listening(unique_fd fd) {
    return fd && ::listen(fd.get(), SOMAXCONN) == 0 ? std::move(fd) : unique_fd();
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
    const auto attempt = [&] { return bound(new_socket(AF_UNIX), address); };
    unique_fd fd = attempt();
    if (fd || errno != EADDRINUSE) return fd;
    struct stat found{};
    if (::lstat(path.c_str(), &found) == 0 && !S_ISSOCK(found.st_mode))
        fail(text, "the file exists and is not a socket");
    if (is_stale(address) && ::unlink(path.c_str()) == 0) return attempt();
    errno = EADDRINUSE;
    return fd;
}

}  // namespace

wanted_socket::wanted_socket(std::string_view entry, const std::filesystem::path& directory)
    : address(parse_listen_address(entry)), text(entry) {
    const bool is_unix = address.what == listen_address::kind::unix_path;
    if (is_unix) {
        address.path = (directory / address.path).lexically_normal().string();
        text = fmt::format("{}{}", unix_prefix, address.path);
    }
    const socket_address where = resolved(address, text);
    place = is_unix ? text : print(where);
}

listening_socket::listening_socket(const wanted_socket& wanted,
                                   const std::vector<const listening_socket*>& leaving)
    : asked_(wanted.place) {
    if (wanted.address.what == listen_address::kind::unix_path) {
        open_unix(wanted);
        place_ = wanted.place;
    } else {
        open_inet(wanted, leaving);
        const socket_address where = bound_address(fd_);
        place_ = print(where);
        port_ = port_of(where);
    }
}

void listening_socket::open_inet(const wanted_socket& wanted,
                                 const std::vector<const listening_socket*>& leaving) {
    const socket_address where = resolved(wanted.address, wanted.text);
    std::vector<int> sharing;
    for (const listening_socket* s : leaving) {
        if (wanted.address.port != 0 && s->port_ == wanted.address.port)
            sharing.push_back(s->descriptor());
    }
    for (const int fd : sharing) share_port(fd, true);
    fd_ = listening(bound_inet(where, !sharing.empty()));
    const int why = errno;
    for (const int fd : sharing) share_port(fd, false);
    share_port(fd_.get(), false);
    errno = why;
    if (!fd_) fail_with_errno(wanted.text);
}

void listening_socket::open_unix(const wanted_socket& wanted) {
    const std::string& path = wanted.address.path;
    const auto where = unix_address(path, wanted.text);
    fd_ = bound_unix(where, path, wanted.text);
    if (!fd_) fail_with_errno(wanted.text);
    file_ = socket_file(path);
    // Before listen(), so that no client connects before the mode is right.
    if (::chmod(path.c_str(), 0666) != 0) fail_with_errno(wanted.text);
    if (::listen(fd_.get(), SOMAXCONN) != 0) fail_with_errno(wanted.text);
}

}  // namespace supe
