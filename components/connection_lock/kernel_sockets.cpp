#include "components/connection_lock/kernel_sockets.hpp"

#include "supe/async/unique_fd.hpp"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <array>
#include <cstring>
#include <vector>

namespace components {
namespace {

/// As `ADDRESS:PORT`, an IPv6 address in brackets.
std::string peer_of(const inet_diag_msg& socket) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(socket.idiag_family, socket.id.idiag_dst, text.data(), text.size());
    const std::string address(text.data());
    const std::string port = std::to_string(ntohs(socket.id.idiag_dport));
    return socket.idiag_family == AF_INET6 ? "[" + address + "]:" + port : address + ":" + port;
}

bool ask(int netlink, std::uint8_t family) {
    struct {
        nlmsghdr header;
        inet_diag_req_v2 body;
    } request{};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.body.sdiag_family = family;
    request.body.sdiag_protocol = IPPROTO_TCP;
    request.body.idiag_states = 1u << TCP_FIN_WAIT1 | 1u << TCP_FIN_WAIT2;
    return ::send(netlink, &request, sizeof request, 0) == sizeof request;
}

/// Reads the answer to one dump; nothing on any error.
std::optional<bool> read_dump(int netlink, const std::set<std::string>& peers) {
    bool found = false;
    alignas(nlmsghdr) std::array<char, 32 << 10> buffer;
    for (;;) {
        const ssize_t n = ::recv(netlink, buffer.data(), buffer.size(), 0);
        if (n <= 0) return std::nullopt;
        auto left = static_cast<unsigned>(n);
        for (auto* header = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(header, left);
             header = NLMSG_NEXT(header, left)) {
            if (header->nlmsg_type == NLMSG_DONE) return found;
            if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
                header->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg)))
                return std::nullopt;
            inet_diag_msg socket;
            std::memcpy(&socket, NLMSG_DATA(header), sizeof socket);
            found = found || (socket.idiag_inode == 0 && peers.contains(peer_of(socket)));
        }
    }
}

}  // namespace

std::optional<bool> orphaned_sockets(const std::set<std::string>& peers) {
    const supe::unique_fd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    if (!netlink) return std::nullopt;
    const timeval patience{1, 0};
    ::setsockopt(netlink.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    bool found = false;
    for (const int family : {AF_INET, AF_INET6}) {
        if (!ask(netlink.get(), static_cast<std::uint8_t>(family))) return std::nullopt;
        const auto of_family = read_dump(netlink.get(), peers);
        if (!of_family) return std::nullopt;
        found = found || *of_family;
    }
    return found;
}

}  // namespace components
