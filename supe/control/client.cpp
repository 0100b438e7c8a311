#include "supe/control/client.hpp"

#include "supe/control/server.hpp"
#include "supe/storage/private_socket.hpp"
#include "supe/text/json_value.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <boost/json/serialize.hpp>
#include <cerrno>

namespace supe::control {
namespace {

constexpr std::chrono::seconds patience{
    10};  // without a sign of life; the server gives one every 3 s

boost::json::value parsed(const std::string& line) {
    auto answer = parse_json(line);
    return answer && answer->is_object() ? std::move(*answer)
                                         : error("the answer is no JSON object", result::failed);
}

}  // namespace

std::optional<client> client::connect(const std::filesystem::path& state) {
    const unique_fd directory(::open(state.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return std::nullopt;
    unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // A tree that is stopped (SIGSTOP) neither accepts connections nor reads: we wait for neither
    // without a limit.
    const timeval limit{std::chrono::seconds(patience).count(), 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    const asio::local::stream_protocol::endpoint address(
        short_path(directory.get(), "control.sock"));
    const bool connected =
        fd && ::connect(fd.get(), address.data(), static_cast<socklen_t>(address.size())) == 0;
    if (!connected && errno != EAGAIN) return std::nullopt;
    if (!connected) fd.reset();
    return client(std::move(fd), state);
}

void client::send(const boost::json::object& request) {
    send_line(boost::json::serialize(request));
}

void client::send_line(std::string line) {
    line += '\n';
    for (std::size_t sent = 0; fd_ && sent < line.size();) {
        const ssize_t n = ::send(fd_.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return;  // next_line() finds out
        sent += static_cast<std::size_t>(n);
    }
}

std::optional<std::string> client::next_line(std::optional<time_point> deadline) {
    late_ = !fd_;
    while (fd_) {
        if (const std::size_t end = unread_.find('\n', searched_); end != std::string::npos) {
            std::string line = unread_.substr(begin_, end - begin_);
            begin_ = searched_ = end + 1;
            return line;
        }
        unread_.erase(0, std::exchange(begin_, 0));
        searched_ = unread_.size();
        int wait_ms = -1;
        if (deadline) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(
                *deadline - std::chrono::steady_clock::now());
            late_ = left.count() <= 0;
            if (late_) return std::nullopt;
            wait_ms = static_cast<int>(std::min<long long>(left.count(), 1 << 30));
        }
        pollfd p{fd_.get(), POLLIN, 0};
        if (::poll(&p, 1, wait_ms) <= 0) continue;
        char buffer[16384];
        const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return std::nullopt;
        unread_.append(buffer, static_cast<std::size_t>(n));
    }
    return std::nullopt;
}

boost::json::value client::ask(const boost::json::object& request) {
    return ask_line(boost::json::serialize(request));
}

boost::json::value client::ask_line(std::string line) {
    send_line(std::move(line));
    for (;;) {
        const auto answer = next_line(std::chrono::steady_clock::now() + patience);
        if (answer && !answer->empty()) return parsed(*answer);
        if (answer) continue;
        if (late_) {
            return error(fmt::format("the tree on {} does not answer (for {} s)", state_.string(),
                                     patience.count()),
                         result::timed_out);
        }
        return why_it_ended();
    }
}

boost::json::value client::why_it_ended() const {
    if (connect(state_))
        return error(
            fmt::format("the tree on {} closed the connection without an answer", state_.string()),
            result::failed);
    return error(fmt::format("the tree on {} ended before it answered", state_.string()),
                 result::no_such);
}

}  // namespace supe::control
