#include "supe/process/notify_socket.hpp"

#include "supe/async/awaitable.hpp"
#include "supe/process/life_mark.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <optional>

namespace supe {
namespace {

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

bool is_of_life(pid_t pid, pid_t child) {
    const auto mark = mark_of(pid);
    return mark && mark->life == child;
}

bool may_speak(const ucred& sender, pid_t child) {
    return sender.uid == ::geteuid() || sender.uid == 0 || sender.pid == child ||
           ::getpgid(sender.pid) == child || is_of_life(sender.pid, child);
}

}  // namespace

unique_fd notify_socket::again() const {
    unique_fd second(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
    if (!second) throw system_error(errno, boost::system::system_category(), "a notify socket");
    return second;
}

notify_socket notify_socket::open(const std::string& path) {
    notify_socket made;
    made.fd_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!made.fd_) return made;
    const int on = 1;
    ::setsockopt(made.fd_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    if (made.bind_to(path) || made.bind_to_any_name()) return made;
    const int why = errno;
    made.fd_.reset();
    errno = why;
    return made;
}

bool notify_socket::bind_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) return false;
    const std::string folder = path.substr(0, path.rfind('/'));
    ::mkdir(folder.c_str(), 0700);
    // As for all of the state directory: a symbolic link is not followed.
    const unique_fd directory(
        ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    const std::string file = path.substr(folder.size() + 1);
    if (!directory) return false;
    ::unlinkat(directory.get(), file.c_str(), 0);
    ::fchmod(fd_.get(), 0600);  // the mode that bind gives the file
    path.copy(address.sun_path, path.size());
    if (::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return false;
    file_ = socket_file(path);
    name_ = path;
    return true;
}

/// Bound to the family alone: the kernel chooses a free name (unix(7), autobind).
bool notify_socket::bind_to_any_name() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address.sun_family) != 0)
        return false;
    socklen_t size = sizeof address;
    if (::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return false;
    const std::size_t length = size - offsetof(sockaddr_un, sun_path);
    name_ = "@" + std::string(address.sun_path + 1, length - 1);
    return true;
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
        if (!sender || !may_speak(*sender, child)) continue;
        if ((message.msg_flags & MSG_TRUNC) == 0) {
            all.emplace_back(text, static_cast<std::size_t>(n));
        } else if (dropped_ == dropped::none) {
            dropped_ = dropped::one;
        }
    }
    return all;
}

bool notify_socket::dropped_one() {
    if (dropped_ != dropped::one) return false;
    dropped_ = dropped::reported;
    return true;
}

}  // namespace supe
