#include "supe/run/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <charconv>
#include <cstdlib>

namespace supe {
namespace {

std::string_view variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

std::optional<long long> number(std::string_view text) {
    long long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<std::chrono::microseconds> half_of_watchdog() {
    const auto limit = number(variable("WATCHDOG_USEC"));
    const auto whose = variable("WATCHDOG_PID");
    if (!limit || *limit < 2 || (!whose.empty() && number(whose) != ::getpid()))
        return std::nullopt;
    return std::chrono::microseconds(*limit / 2);
}

}  // namespace

service_manager service_manager::from_environment() {
    service_manager made;
    made.address_ = variable("NOTIFY_SOCKET");
    const bool is_address = made.address_.starts_with('/') || made.address_.starts_with('@');
    if (!is_address || made.address_.size() >= sizeof sockaddr_un{}.sun_path) return made;
    if (made.address_.front() == '@') made.address_.front() = '\0';  // an abstract name
    made.fd_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (made.fd_) made.ping_every_ = half_of_watchdog();
    return made;
}

bool service_manager::notify(std::string_view assignments) const {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    address_.copy(to.sun_path, address_.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
    return ::sendto(fd_.get(), assignments.data(), assignments.size(), MSG_NOSIGNAL,
                    reinterpret_cast<sockaddr*>(&to), size) >= 0;
}

}  // namespace supe
