#include "supe/process/notify_socket.hpp"

#include "supe/async/awaitable.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <cerrno>
#include <cstring>
#include <optional>

namespace supe {
namespace {

constexpr std::size_t datagram_limit = 4096;  // bytes, as systemd's NOTIFY_BUFFER_MAX
constexpr int datagrams_at_once = 64;

/// The kernel closes descriptors that were sent along (FDSTORE=1, BARRIER=1), because the control
/// buffer is too small for them. So a sender that waits for its barrier goes on.
std::optional<ucred> sender_of(msghdr& message) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS) continue;
        ucred sender{};
        std::memcpy(&sender, CMSG_DATA(part), sizeof sender);
        return sender;
    }
    return std::nullopt;
}

bool may_speak(const ucred& sender, pid_t child) {
    return sender.uid == ::geteuid() || sender.uid == 0 || sender.pid == child ||
           ::getpgid(sender.pid) == child;
}

}  // namespace

unique_fd notify_socket::again() const {
    unique_fd second(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
    if (!second) throw system_error(errno, boost::system::system_category(), "a notify socket");
    return second;
}

notify_socket notify_socket::open() {
    notify_socket made;
    unique_fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return made;
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // Bound to the family alone: the kernel chooses a free name (unix(7), autobind).
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address.sun_family) != 0)
        return made;
    socklen_t size = sizeof address;
    if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return made;
    const std::size_t length = size - offsetof(sockaddr_un, sun_path);
    made.name_ = "@" + std::string(address.sun_path + 1, length - 1);
    made.fd_ = std::move(fd);
    return made;
}

std::vector<std::string> notify_socket::receive(pid_t child) {
    std::vector<std::string> all;
    for (int i = 0; i < datagrams_at_once; ++i) {
        char text[datagram_limit];
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))];
        iovec buffer{text, sizeof text};
        msghdr message{};
        message.msg_iov = &buffer;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        const ssize_t n = ::recvmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
        const auto sender = sender_of(message);
        const bool whole = (message.msg_flags & MSG_TRUNC) == 0;
        if (sender && whole && may_speak(*sender, child))
            all.emplace_back(text, static_cast<std::size_t>(n));
    }
    return all;
}

}  // namespace supe
