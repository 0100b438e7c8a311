// Opens listening sockets: both IP versions on one socket, unix sockets in place of stale files,
// errors that name the address.
#include "supe/process/listening_sockets.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <algorithm>
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
    static_assert(sizeof native.sun_path == unix_path_limit + 1);
    if (path.size() > unix_path_limit)
        fail(text, fmt::format("the path has {} bytes, at most {} are allowed", path.size(),
                               unix_path_limit));
    path.copy(native.sun_path, path.size());
    return socket_address::of(native);
}

/// Sockets that share may have one port with different addresses, where all of them are of one
/// user. So `:8080` can be opened while our 127.0.0.1:8080 is still open.
void share_port(const unique_fd& fd, bool shares) {
    const int on = shares ? 1 : 0;
    if (fd) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
}

// The next functions return an invalid descriptor when they fail, with the reason in errno.

unique_fd bound(unique_fd fd, const socket_address& address) {
    if (!fd || ::bind(fd.get(), address.get(), address.size) == 0) return fd;
    const int why = errno;
    fd.reset();
    errno = why;
    return fd;
}

unique_fd inet_socket(int family, bool shares) {
    unique_fd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // A restarted supervisor must not wait for TIME_WAIT of the connections of the earlier one.
    const int on = 1;
    if (fd) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    share_port(fd, shares);
    return fd;
}

unique_fd bound_inet(const socket_address& address, bool shares) {
    return bound(inet_socket(address.family(), shares), address);
}

unique_fd bound_to_any(std::uint16_t port, bool shares) {
    unique_fd fd = inet_socket(AF_INET6, shares);
    const int off = 0;
    if (fd) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    fd = bound(std::move(fd), ipv6("::", port));
    const bool no_ipv6 = !fd && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL);
    return no_ipv6 ? bound_inet(ipv4("0.0.0.0", port), shares) : std::move(fd);
}

/// Two sockets may be bound to one port, and the second one fails here.
unique_fd open_inet(const listen_address& address, bool shares) {
    using kind = listen_address::kind;
    unique_fd fd;
    switch (address.what) {
        case kind::ipv4: fd = bound_inet(ipv4(address.host, address.port), shares); break;
        case kind::ipv6: fd = bound_inet(ipv6(address.host, address.port), shares); break;
        default: fd = bound_to_any(address.port, shares);
    }
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

constexpr auto first_of = [](const auto& pair) { return pair.first; };

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
                                                       const std::filesystem::path& directory,
                                                       listening_sockets_of_child* before) {
    std::vector<listener> none;
    std::vector<listener>& open_already = before ? before->listeners_ : none;
    std::vector<std::pair<listener*, std::size_t>> kept;  // of `before`, and its place here
    for (const auto& text : addresses) {
        auto address = parse_listen_address(text);
        if (address.what == listen_address::kind::unix_path)
            address.path = (directory / address.path).lexically_normal().string();
        const auto same = std::ranges::find_if(open_already, [&](const listener& l) {
            return l.address == address && std::ranges::find(kept, &l, first_of) == kept.end();
        });
        if (same != open_already.end()) {
            kept.emplace_back(&*same, listeners_.size());
            listeners_.emplace_back();
        } else {
            listeners_.push_back(open(address, text, open_already));
        }
    }
    for (const auto& [listener, place] : kept) listeners_[place] = std::move(*listener);
}

auto listening_sockets_of_child::open(const listen_address& address, const std::string& text,
                                      const std::vector<listener>& before) -> listener {
    if (address.what == listen_address::kind::unix_path) return open_unix(address);
    std::vector<const listener*> sharing;
    for (const listener& l : before) {
        if (address.port != 0 && l.address.port == address.port) sharing.push_back(&l);
    }
    for (const listener* l : sharing) share_port(l->fd, true);
    unique_fd fd = open_inet(address, !sharing.empty());
    const int why = errno;
    for (const listener* l : sharing) share_port(l->fd, false);
    share_port(fd, false);
    errno = why;
    if (!fd) fail_with_errno(text);
    return {address, std::move(fd), {}};
}

auto listening_sockets_of_child::open_unix(const listen_address& address) -> listener {
    const std::string& path = address.path;
    const std::string text = fmt::format("{}{}", unix_prefix, path);
    const auto where = unix_address(path, text);
    unique_fd fd = bound_unix(where, path, text);
    if (!fd) fail_with_errno(text);
    socket_file file(path);
    // Before listen(), so that no client connects before the mode is right.
    if (::chmod(path.c_str(), 0666) != 0) fail_with_errno(text);
    if (::listen(fd.get(), SOMAXCONN) != 0) fail_with_errno(text);
    return {address, std::move(fd), std::move(file)};
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

}  // namespace supe
