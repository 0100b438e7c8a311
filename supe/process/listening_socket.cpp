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

using kind = listen_address::kind;

/// Any socket address, with its length.
struct socket_address {
    sockaddr_storage storage{};
    socklen_t size = 0;

    int family() const { return storage.ss_family; }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
    const sockaddr_in& v4() const { return reinterpret_cast<const sockaddr_in&>(storage); }
    const sockaddr_in6& v6() const { return reinterpret_cast<const sockaddr_in6&>(storage); }

    template <class T>
    static socket_address of(const T& native) {
        socket_address address;
        std::memcpy(&address.storage, &native, sizeof native);
        address.size = sizeof native;
        return address;
    }
};

bool is_all_of_ipv6(const listen_address& a) { return a.what == kind::ipv6 && a.takes_all(); }

/// Precondition: it is IPv4 or IPv6.
socket_address native(const listen_address& a) {
    if (a.what == kind::ipv4) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(a.port);
        ::inet_pton(AF_INET, a.host.c_str(), &v4.sin_addr);
        return socket_address::of(v4);
    }
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(a.port);
    ::inet_pton(AF_INET6, a.host.c_str(), &v6.sin6_addr);
    return socket_address::of(v6);
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
listen_address all_addresses(std::uint16_t port) {
    const unique_fd probe = new_socket(AF_INET6);
    const listen_address all{.what = kind::ipv6, .host = "::", .port = port, .path = {}};
    const socket_address any = native({.what = kind::ipv6, .host = "::", .port = 0, .path = {}});
    const bool works = probe && ::bind(probe.get(), any.get(), any.size) == 0;
    const bool no_ipv6 = !works && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL);
    if (!no_ipv6) return all;
    return {.what = kind::ipv4, .host = "0.0.0.0", .port = port, .path = {}};
}

/// What it is on this machine.
listen_address settled(listen_address address) {
    if (address.what == kind::any) return all_addresses(address.port);
    address.without_ipv4 = is_all_of_ipv6(address) && is_v6_only(new_socket(AF_INET6).get());
    return address;
}

/// Where it is bound.
listen_address bound_address(const unique_fd& fd) {
    socket_address where;
    where.size = sizeof where.storage;
    ::getsockname(fd.get(), where.get(), &where.size);
    char host[INET6_ADDRSTRLEN] = {};
    if (where.family() == AF_INET) {
        ::inet_ntop(AF_INET, &where.v4().sin_addr, host, sizeof host);
        return {.what = kind::ipv4, .host = host, .port = ntohs(where.v4().sin_port), .path = {}};
    }
    ::inet_ntop(AF_INET6, &where.v6().sin6_addr, host, sizeof host);
    listen_address bound{
        .what = kind::ipv6, .host = host, .port = ntohs(where.v6().sin6_port), .path = {}};
    bound.without_ipv4 = is_all_of_ipv6(bound) && is_v6_only(fd.get());
    return bound;
}

std::string print(const listen_address& a) {
    if (a.what == kind::ipv4) return fmt::format("{}:{}", a.host, a.port);
    return fmt::format("[{}]:{}{}", a.host, a.port, a.without_ipv4 ? " without IPv4" : "");
}

/// The directory as it is without symbolic links: one text for all paths to the file. A directory
/// that cannot be had is left as it is, and bind(2) says why.
std::string resolved_path(const std::filesystem::path& file) {
    std::error_code failed;
    const auto directory = std::filesystem::canonical(file.parent_path(), failed);
    return failed ? file.string() : (directory / file.filename()).string();
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

unique_fd bound_inet(const listen_address& wanted, bool shares) {
    const socket_address address = native(wanted);
    unique_fd fd = new_socket(address.family());
    // A restarted supervisor must not wait for TIME_WAIT of the connections of the earlier one.
    const int on = 1;
    if (fd) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd && is_all_of_ipv6(wanted)) {
        const int alone = wanted.without_ipv4 ? 1 : 0;
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
    if (address.what == kind::unix_path) {
        const std::filesystem::path path = (directory / address.path).lexically_normal();
        address.path = path.string();
        text = fmt::format("{}{}", unix_prefix, address.path);
        unix_address(address.path, text);
        place = fmt::format("{}{}", unix_prefix, resolved_path(path));
    } else {
        address = settled(address);
        place = print(address);
    }
}

listening_socket::listening_socket(const wanted_socket& wanted,
                                   const std::vector<const listening_socket*>& leaving)
    : place_(wanted.place), asked_(wanted.place), bound_(wanted.address) {
    if (wanted.address.what == kind::unix_path) {
        open_unix(wanted);
    } else {
        open_inet(wanted, leaving);
        bound_ = bound_address(fd_);
        place_ = print(bound_);
    }
}

bool listening_socket::is_at(const wanted_socket& wanted) const {
    return wanted.address.what != kind::unix_path || file_.is_at(wanted.address.path);
}

void listening_socket::open_inet(const wanted_socket& wanted,
                                 const std::vector<const listening_socket*>& leaving) {
    std::vector<int> sharing;
    for (const listening_socket* s : leaving) {
        if (wanted.address.port != 0 && s->bound_.port == wanted.address.port)
            sharing.push_back(s->descriptor());
    }
    for (const int fd : sharing) share_port(fd, true);
    fd_ = listening(bound_inet(wanted.address, !sharing.empty()));
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
    file_ = socket_file(wanted.place.substr(unix_prefix.size()));
    // Before listen(), so that no client connects before the mode is right.
    if (::chmod(path.c_str(), 0666) != 0) fail_with_errno(wanted.text);
    if (::listen(fd_.get(), SOMAXCONN) != 0) fail_with_errno(wanted.text);
}

}  // namespace supe
