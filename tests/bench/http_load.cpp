#include "tests/bench/http_load.hpp"

#include "supe/async/unique_fd.hpp"
#include "tests/bench/birth.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {
namespace {

supe::unique_fd connected(std::uint16_t port) {
    supe::unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        fd.reset();
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

void send_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
        if (n <= 0) throw std::runtime_error("the server hung up");
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

/// True when the answer is whole.
bool is_whole(std::string_view answer) {
    const std::size_t end = answer.find("\r\n\r\n");
    if (end == answer.npos) return false;
    constexpr std::string_view field = "Content-Length: ";
    const std::size_t at = answer.find(field);
    std::size_t length = 0;
    if (at < end) std::from_chars(answer.data() + at + field.size(), answer.data() + end, length);
    return answer.size() >= end + 4 + length;
}

bool is_ok(std::string_view answer) { return answer.starts_with("HTTP/1.1 200"); }

std::string request_with(std::size_t body) {
    const std::string text = webhook_body(body);
    return "POST /webhooks/sendgrid?source=bench HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: "
           "bench\r\nAccept: */*\r\n"
           "Content-Type: application/json\r\nX-Signature: "
           "t=1700000000,v1=5257a869e7ecebeda32affa62cdca3fa\r\n"
           "Content-Length: " +
           std::to_string(text.size()) + "\r\n\r\n" + text;
}

double at_share(std::vector<std::int64_t>& sorted_ns, double share) {
    const auto index = static_cast<std::size_t>(share * static_cast<double>(sorted_ns.size() - 1));
    return static_cast<double>(sorted_ns[index]) / 1e6;
}

}  // namespace

std::string webhook_body(std::size_t bytes) {
    std::string text =
        R"([{"email":"someone@example.com","timestamp":1700000000,"event":"delivered","note":")";
    text.resize(bytes - 3, 'x');
    text += "\"}]";
    return text;
}

http_figures put_http_load(std::uint16_t port, const http_load& load) {
    http_senders senders(port, load.connections, load.body);
    senders.go_on_for(load.warm_up);
    const http_senders::counts warm = senders.take();
    senders.go_on_for(load.measured);
    const http_senders::counts measured = senders.take();
    if (warm.cut + measured.cut > 0) throw std::runtime_error("the server hung up");
    if (warm.refused + measured.refused > 0) throw std::runtime_error("an answer is not 200");
    if (measured.answered == 0) throw std::runtime_error("no answer");
    const double seconds = std::chrono::duration<double>(load.measured).count();
    return {measured.answered / seconds, warm.answered + measured.answered, measured.p50_ms,
            measured.p99_ms};
}

http_senders::http_senders(std::uint16_t port, int connections, std::size_t body)
    : port_(port), request_(request_with(body)), poll_(::epoll_create1(EPOLL_CLOEXEC)),
      senders_(static_cast<std::size_t>(connections)) {}

void http_senders::open(std::size_t which) {
    sender& s = senders_[which];
    s.answer.clear();
    s.fd = connected(port_);
    if (!s.fd) return;
    epoll_event wanted{EPOLLIN, {.u32 = static_cast<std::uint32_t>(which)}};
    ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, s.fd.get(), &wanted);
}

/// A connection that has ended is seen by the next read.
void http_senders::send(sender& s) {
    if (s.began == 0) s.began = monotonic_ns();
    for (std::string_view rest = request_; !rest.empty();) {
        const ssize_t n = ::send(s.fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (n <= 0) return;
        rest.remove_prefix(static_cast<std::size_t>(n));
    }
}

void http_senders::receive(std::size_t which, bool more) {
    sender& s = senders_[which];
    char buffer[4096];
    const ssize_t n = ::recv(s.fd.get(), buffer, sizeof buffer, 0);
    if (n <= 0) {
        counts_.cut += s.began != 0;
        return s.fd.reset();  // the next turn opens it again
    }
    s.answer.append(buffer, static_cast<std::size_t>(n));
    if (!is_whole(s.answer)) return;
    if (is_ok(s.answer)) {
        ++counts_.answered;
        took_.push_back(monotonic_ns() - s.began);
        s.began = 0;
    } else {
        ++counts_.refused;
    }
    s.answer.clear();
    if (more || s.began != 0) send(s);
}

void http_senders::turn(bool more) {
    for (std::size_t i = 0; i < senders_.size(); ++i) {
        sender& s = senders_[i];
        const bool was_open = static_cast<bool>(s.fd);
        if (!was_open) open(i);
        if (s.fd && (s.began == 0 ? more : !was_open)) send(s);
    }
    epoll_event ready[64];
    const int n = ::epoll_wait(poll_.get(), ready, std::size(ready), 10);
    for (int i = 0; i < n; ++i) receive(ready[i].data.u32, more);
}

void http_senders::go_on_for(std::chrono::milliseconds lasts) {
    const std::int64_t end = monotonic_ns() + std::chrono::nanoseconds(lasts).count();
    while (monotonic_ns() < end) turn(true);
}

void http_senders::finish() {
    const std::int64_t end = monotonic_ns() + 60'000'000'000;
    const auto waits = [](const sender& s) { return s.began != 0; };
    while (std::ranges::any_of(senders_, waits)) {
        if (monotonic_ns() > end) throw std::runtime_error("a webhook has no answer after 60 s");
        turn(false);
    }
}

http_senders::counts http_senders::take() {
    counts now = std::exchange(counts_, {});
    std::ranges::sort(took_);
    if (!took_.empty()) {
        now.p50_ms = at_share(took_, 0.5);
        now.p99_ms = at_share(took_, 0.99);
        now.most_ms = at_share(took_, 1);
    }
    took_.clear();
    return now;
}

std::string ask_http(std::uint16_t port) {
    const supe::unique_fd fd = connected(port);
    if (!fd) return {};
    send_all(fd.get(), "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    std::string answer;
    for (char buffer[4096]; !is_whole(answer);) {
        const ssize_t n = ::recv(fd.get(), buffer, sizeof buffer, 0);
        if (n <= 0) throw std::runtime_error("the server hung up");
        answer.append(buffer, static_cast<std::size_t>(n));
    }
    if (!is_ok(answer))
        throw std::runtime_error("an answer is not 200: " + answer.substr(0, answer.find('\r')));
    return answer;
}

}  // namespace bench
