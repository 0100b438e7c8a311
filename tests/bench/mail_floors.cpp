#include "tests/bench/bench.hpp"
#include "tests/bench/mail_peers.hpp"

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <string_view>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {
namespace {

struct pair {
    int ours, theirs;
    pair() {
        int fds[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) throw std::runtime_error("socketpair");
        ours = fds[0], theirs = fds[1];
    }
    ~pair() { ::close(ours), ::close(theirs); }
};

template <class F>
class forked {
public:
    explicit forked(F body) : pid_(::fork()) {
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (const int number : {SIGINT, SIGTERM}) ::signal(number, SIG_IGN);  // the bench ends it
            body();
            ::_exit(0);
        }
    }
    ~forked() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

private:
    pid_t pid_;
};

void write_all(int fd, std::string_view text) {
    for (ssize_t n = 0; !text.empty(); text.remove_prefix(static_cast<std::size_t>(n)))
        if ((n = ::write(fd, text.data(), text.size())) <= 0) return;
}

/// Cuts what is read from a socket into lines.
class line_reader {
public:
    explicit line_reader(int fd) : fd_(fd) {}

    /// Reads once, and hands on all lines that are whole by now. False at an end or error.
    template <class F>
    bool read(F each) {
        const ssize_t n = ::read(fd_, buffer_.data() + held_, buffer_.size() - held_);
        if (n <= 0) return false;
        const std::string_view all(buffer_.data(), held_ + static_cast<std::size_t>(n));
        std::size_t begin = 0;
        for (std::size_t end = 0; (end = all.find('\n', begin)) != all.npos; begin = end + 1)
            each(all.substr(begin, end + 1 - begin));
        held_ = all.size() - begin;
        std::memmove(buffer_.data(), all.data() + begin, held_);
        return true;
    }

private:
    int fd_;
    std::string buffer_ = std::string(256 << 10, '\0');
    std::size_t held_ = 0;
};

/// Lines from `sender` to `receiver`, and no further than here in the other direction.
void route(int sender, int receiver) {
    constexpr std::size_t enough = 1 << 20;  // bytes that may wait for the receiver
    ::fcntl(receiver, F_SETFL, O_NONBLOCK);
    const int poll = ::epoll_create1(EPOLL_CLOEXEC);
    const auto want = [poll](int operation, int fd, std::uint32_t events) {
        epoll_event wanted{events, {.fd = fd}};
        ::epoll_ctl(poll, operation, fd, &wanted);
    };
    want(EPOLL_CTL_ADD, sender, EPOLLIN);
    want(EPOLL_CTL_ADD, receiver, EPOLLIN);
    line_reader mails(sender), acks(receiver);
    std::string waiting;
    std::size_t written = 0;  // of it
    std::size_t acknowledged = 0;
    bool was_full = false, was_waiting = false;
    for (epoll_event ready[2];;) {
        const int n = ::epoll_wait(poll, ready, 2, -1);
        for (int i = 0; i < n; ++i) {
            if (ready[i].data.fd == sender) {
                if (!mails.read([&waiting](std::string_view line) { waiting += line; })) return;
            } else if (ready[i].events & EPOLLIN) {
                acks.read([&acknowledged](std::string_view) { ++acknowledged; });
            }
        }
        if (const ssize_t sent = ::write(receiver, waiting.data() + written, waiting.size() - written); sent > 0)
            written += static_cast<std::size_t>(sent);
        if (written == waiting.size()) waiting.clear(), written = 0;
        if (const bool is = !waiting.empty(); is != std::exchange(was_waiting, is))
            want(EPOLL_CTL_MOD, receiver, is ? EPOLLIN | EPOLLOUT : EPOLLIN);
        if (const bool is = waiting.size() - written > enough; is != std::exchange(was_full, is))
            want(EPOLL_CTL_MOD, sender, is ? 0u : EPOLLIN);
    }
}

double per_second(double ms) { return mails_at_once * 1e3 / ms; }

}  // namespace

double ping_pong() {
    pair p;
    const forked echo([&] {
        char buffer[4096];
        while (::read(p.theirs, buffer, sizeof buffer) > 0) write_all(p.theirs, {buffer, 1});
    });
    const std::string mail(mail_size, 'm');
    char back = 0;
    return per_second(milliseconds_of([&] {
        for (int i = 0; i < mails_at_once; ++i) {
            write_all(p.ours, mail);
            if (::read(p.ours, &back, 1) != 1) throw std::runtime_error("ping-pong");
        }
    }));
}

double two_hops() {
    constexpr std::size_t all = mails_at_once * mail_size, buffer_size = 256 << 10;
    pair first, second;
    const forked relay([&] {
        std::string buffer(buffer_size, '\0');
        for (ssize_t n = 0; (n = ::read(first.theirs, buffer.data(), buffer.size())) > 0;)
            write_all(second.ours, {buffer.data(), static_cast<std::size_t>(n)});
    });
    const pair start;
    const forked source([&] {
        const std::string mails(all, 'm');
        char go = 0;
        if (::read(start.theirs, &go, 1) == 1) write_all(first.ours, mails);
    });
    std::string buffer(buffer_size, '\0');
    return per_second(milliseconds_of([&] {
        write_all(start.ours, "!");
        for (std::size_t got = 0; got < all;) {
            const ssize_t n = ::read(second.theirs, buffer.data(), buffer.size());
            if (n <= 0) throw std::runtime_error("two hops");
            got += static_cast<std::size_t>(n);
        }
    }));
}

double bare_router() {
    pair first, second;
    const forked router([&] { route(first.theirs, second.ours); });
    const pair start;
    const forked sender([&] {
        const std::string mail = R"({"type":"mail","to":"receiver","msg":")" + std::string(mail_size - 2, 'm') + "\"}\n";
        std::string mails;
        for (int i = 0; i < mails_at_once; ++i) mails += mail;
        char go = 0;
        if (::read(start.theirs, &go, 1) == 1) write_all(first.ours, mails);
    });
    line_reader mails(second.theirs);
    return per_second(milliseconds_of([&] {
        write_all(start.ours, "!");
        for (int got = 0; got < mails_at_once;) {
            std::string acks;
            const bool more = mails.read([&](std::string_view) {
                acks += "{\"type\":\"signal\",\"signal\":\"ACK-CURRENT-MAIL\"}\n";
                ++got;
            });
            if (!more) throw std::runtime_error("bare router");
            write_all(second.theirs, acks);
        }
    }));
}

}  // namespace bench
