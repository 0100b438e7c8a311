#include "supe/run/service_manager.hpp"

#include "supe/async/assertion.hpp"
#include "supe/run/environment.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <charconv>

namespace supe {
namespace {

constexpr std::chrono::milliseconds report_interval{20};  // changes within it are one report

std::optional<long long> number(std::string_view text) {
    long long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<std::chrono::microseconds> half_of_watchdog() {
    const auto limit = number(environment_variable("WATCHDOG_USEC"));
    const auto whose = environment_variable("WATCHDOG_PID");
    if (!limit || *limit < 2 || (!whose.empty() && number(whose) != ::getpid()))
        return std::nullopt;
    return std::chrono::microseconds(*limit / 2);
}

std::string report_on(supervisor& root) {
    using status = restarter::status;
    std::size_t up = 0, all = 0;
    std::string stopping;
    for (const child* c : root.children()) {
        const status s = root.status_of(*c);
        ++all;
        if (s == status::running || s == status::idle) ++up;
        if (s == status::stopping) stopping += (stopping.empty() ? " " : ", ") + c->spec().name;
    }
    if (root.is_stopping()) return fmt::format("STOPPING=1\nSTATUS=stopping:{}", stopping);
    return fmt::format("{}STATUS={} of {} children up", root.is_booted() ? "READY=1\n" : "", up,
                       all);
}

}  // namespace

service_manager service_manager::from_environment() {
    service_manager made;
    made.address_ = environment_variable("NOTIFY_SOCKET");
    const bool is_address = made.address_.starts_with('/') || made.address_.starts_with('@');
    if (!is_address || made.address_.size() >= sizeof sockaddr_un{}.sun_path) return made;
    if (made.address_.front() == '@') made.address_.front() = '\0';  // an abstract name
    made.fd_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (made.fd_) made.ping_every_ = half_of_watchdog();
    return made;
}

bool service_manager::notify(std::string_view assignments) const {
    SUPE_ASSERT(listens());
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    address_.copy(to.sun_path, address_.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
    return ::sendto(fd_.get(), assignments.data(), assignments.size(), MSG_NOSIGNAL,
                    reinterpret_cast<sockaddr*>(&to), size) >= 0;
}

/// What it did not take is sent again; once it knows that all is stopping, no pause is needed.
awaitable<> service_manager::report(supervisor& root) const {
    std::string reported;
    for (;;) {
        const std::string now = report_on(root);
        if (now != reported && notify(now)) reported = now;
        if (now == reported) co_await root.changed();
        if (now != reported || !root.is_stopping()) co_await root.time().sleep_for(report_interval);
    }
}

awaitable<> service_manager::ping(clock& time) const {
    SUPE_ASSERT(ping_every());
    for (;;) {
        notify("WATCHDOG=1");
        co_await time.sleep_for(*ping_every_);
    }
}

}  // namespace supe
