#include "supe/control/client.hpp"

#include "supe/control/server.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

namespace supe::control {

std::optional<client> client::connect(const std::filesystem::path& state) {
    const unique_fd directory(::open(state.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return std::nullopt;
    unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const asio::local::stream_protocol::endpoint place(short_path(directory.get(), "control.sock"));
    if (!fd || ::connect(fd.get(), place.data(), static_cast<socklen_t>(place.size())) != 0) return std::nullopt;
    return client(std::move(fd));
}

void client::send(const boost::json::object& request) {
    const std::string line = boost::json::serialize(request) + "\n";
    for (std::size_t sent = 0; sent < line.size();) {
        const ssize_t n = ::send(fd_.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return;  // the answer that does not come says so
        sent += static_cast<std::size_t>(n);
    }
}

std::optional<std::string> client::next_line(std::optional<std::chrono::steady_clock::time_point> deadline) {
    for (;;) {
        if (const std::size_t end = unread_.find('\n'); end != std::string::npos) {
            std::string line = unread_.substr(0, end);
            unread_.erase(0, end + 1);
            return line;
        }
        int wait_ms = -1;
        if (deadline) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
            if (left.count() <= 0) return std::nullopt;
            wait_ms = static_cast<int>(std::min<long long>(left.count(), 1 << 30));
        }
        pollfd p{fd_.get(), POLLIN, 0};
        if (::poll(&p, 1, wait_ms) == 0) continue;
        char buffer[65536];
        const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return std::nullopt;
        unread_.append(buffer, static_cast<std::size_t>(n));
    }
}

boost::json::value client::ask(const boost::json::object& request) {
    send(request);
    const auto line = next_line();
    if (!line) return nullptr;
    boost::system::error_code bad;
    return boost::json::parse(*line, bad);
}

}  // namespace supe::control
