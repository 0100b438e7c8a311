#include "components/connection_lock/kernel_sockets.hpp"

#include "supe/async/unique_fd.hpp"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace components {
namespace {

constexpr unsigned closing_states = 1u << TCP_FIN_WAIT1 | 1u << TCP_FIN_WAIT2;
/// The peer has closed its side too. TIME_WAIT lasts a minute, so that it can be seen.
constexpr unsigned closed_states = 1u << TCP_CLOSING | 1u << TCP_LAST_ACK | 1u << TCP_TIME_WAIT;

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
    request.body.idiag_states = closing_states | closed_states;
    return ::send(netlink, &request, sizeof request, 0) == sizeof request;
}

patterns::left_socket left_socket_of(const inet_diag_msg& socket) {
    using state = patterns::left_socket::state;
    const bool closing = (1u << socket.idiag_state & closing_states) != 0;
    return {ntohs(socket.id.idiag_sport), peer_of(socket),
            closing ? state::closing : state::closed};
}

/// Adds the answer to one dump; false on any error.
bool read_dump(int netlink, std::vector<patterns::left_socket>& left) {
    alignas(nlmsghdr) std::array<char, 32 << 10> buffer;
    for (;;) {
        const ssize_t n = ::recv(netlink, buffer.data(), buffer.size(), 0);
        if (n <= 0) return false;
        auto size = static_cast<unsigned>(n);
        for (auto* header = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(header, size);
             header = NLMSG_NEXT(header, size)) {
            if (header->nlmsg_type == NLMSG_DONE) return true;
            if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
                header->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg)))
                return false;
            inet_diag_msg socket;
            std::memcpy(&socket, NLMSG_DATA(header), sizeof socket);
            if (socket.idiag_inode == 0) left.push_back(left_socket_of(socket));
        }
    }
}

}  // namespace

std::optional<std::vector<patterns::left_socket>> sockets_left() {
    const supe::unique_fd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    if (!netlink) return std::nullopt;
    const timeval patience{1, 0};
    ::setsockopt(netlink.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::vector<patterns::left_socket> left;
    for (const int family : {AF_INET, AF_INET6}) {
        if (!ask(netlink.get(), static_cast<std::uint8_t>(family)) ||
            !read_dump(netlink.get(), left))
            return std::nullopt;
    }
    return left;
}

std::optional<std::uint64_t> resets_so_far() {
    // A line of names and one of their values, for each protocol.
    std::ifstream in("/proc/net/netstat");
    std::optional<std::uint64_t> sum;
    for (std::string names, values; std::getline(in, names) && std::getline(in, values);) {
        std::istringstream name(names), value(values);
        for (std::string n, v; name >> n && value >> v;)
            if (n == "TCPAbortOnClose" || n == "TCPAbortOnData")
                sum = sum.value_or(0) + std::strtoull(v.c_str(), nullptr, 10);
    }
    return sum;
}

}  // namespace components
