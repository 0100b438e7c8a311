#include "tests/support/free_port.hpp"

#include "supe/async/unique_fd.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace support {
namespace {

constexpr unsigned short first = 12000, last = 31999;

/// Reserves the port by a name in the abstract namespace, which ends with this process.
bool reserve(unsigned short port) {
    static std::vector<supe::unique_fd> reserved;
    supe::unique_fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = "supe-test-port-" + std::to_string(port);
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) return false;
    reserved.push_back(std::move(fd));
    return true;
}

bool can_be_bound(unsigned short port) {
    const supe::unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

unsigned short free_port() {
    // Processes begin at different places, so that few of them ask for the same port.
    static unsigned next = static_cast<unsigned>(::getpid()) * 37;
    for (unsigned tries = 0; tries <= last - first; ++tries) {
        const auto port = static_cast<unsigned short>(first + next++ % (last - first + 1));
        if (reserve(port) && can_be_bound(port)) return port;
    }
    throw std::runtime_error("no port of 127.0.0.1 is free");
}

}  // namespace support
