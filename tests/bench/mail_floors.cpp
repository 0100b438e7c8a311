#include "tests/bench/bench.hpp"
#include "tests/bench/mail_peers.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace bench {
namespace {

struct pair {
    int ours, theirs;
    pair() {
        int fds[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
            throw std::runtime_error("socketpair");
        ours = fds[0], theirs = fds[1];
    }
    ~pair() { ::close(ours), ::close(theirs); }
};

class forked {
public:
    explicit forked(const std::function<void()>& body) : pid_(::fork()) {
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (const int number : {SIGINT, SIGTERM})
                ::signal(number, SIG_IGN);  // only the bench ends it
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

/// Splits the bytes of a socket into lines.
class line_reader {
public:
    explicit line_reader(int fd) : fd_(fd) {}

    /// Reads once, and passes on all whole lines. False at an end or error.
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

/// A queue of bytes.
struct bytes {
    std::string text;
    std::size_t begin = 0;

    std::string_view left() const { return std::string_view(text).substr(begin); }
    void take(std::size_t n) {
        if ((begin += n) == text.size()) text.clear(), begin = 0;
    }
};

/// Passes lines from a sender to a receiver, with at most `window` of them unanswered. The receiver
/// answers each with a line of its own.
class router {
public:
    router(int sender, int receiver, unsigned window)
        : sender_(sender), receiver_(receiver), window_(window), mails_(sender), acks_(receiver) {
        ::fcntl(receiver, F_SETFL, O_NONBLOCK);
        want(EPOLL_CTL_ADD, sender_, EPOLLIN);
        want(EPOLL_CTL_ADD, receiver_, EPOLLIN);
    }

    void run() {
        bool was_full = false, was_blocked = false;
        for (epoll_event ready[2];;) {
            const int n = ::epoll_wait(poll_, ready, 2, -1);
            for (int i = 0; i < n; ++i) {
                if (ready[i].data.fd == sender_) {
                    if (!mails_.read([this](std::string_view line) { waiting_.text += line; }))
                        return;
                } else if (ready[i].events & EPOLLIN) {
                    acks_.read([this](std::string_view) { --on_their_way_; });
                }
            }
            pass_on();
            if (const bool is = !leaving_.left().empty(); is != std::exchange(was_blocked, is))
                want(EPOLL_CTL_MOD, receiver_, is ? EPOLLIN | EPOLLOUT : EPOLLIN);
            if (const bool is = waiting_.left().size() > enough; is != std::exchange(was_full, is))
                want(EPOLL_CTL_MOD, sender_, is ? 0u : EPOLLIN);
        }
    }

private:
    static constexpr std::size_t enough = 1 << 20;  // bytes that may wait

    void want(int operation, int fd, std::uint32_t events) {
        epoll_event wanted{events, {.fd = fd}};
        ::epoll_ctl(poll_, operation, fd, &wanted);
    }

    void pass_on() {
        for (std::string_view all = waiting_.left(); on_their_way_ < window_ && !all.empty();
             ++on_their_way_) {
            const std::size_t line = all.find('\n') + 1;
            leaving_.text += all.substr(0, line);
            all.remove_prefix(line);
            waiting_.take(line);
        }
        const std::string_view leaving = leaving_.left();
        if (leaving.empty()) return;
        if (const ssize_t n = ::write(receiver_, leaving.data(), leaving.size()); n > 0)
            leaving_.take(static_cast<std::size_t>(n));
    }

    int sender_, receiver_, poll_ = ::epoll_create1(EPOLL_CLOEXEC);
    unsigned window_, on_their_way_ = 0;
    line_reader mails_, acks_;
    bytes waiting_, leaving_;
};

/// Passes bytes from one socket to the other.
void pass_on(int sender, int receiver) {
    std::string buffer(256 << 10, '\0');
    for (ssize_t n = 0; (n = ::read(sender, buffer.data(), buffer.size())) > 0;)
        write_all(receiver, {buffer.data(), static_cast<std::size_t>(n)});
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

struct bare_sockets::impl {
    bool router_between;
    pair start, first, second;
    line_reader mails{second.theirs};
    forked relay, sender;

    explicit impl(unsigned window)
        : router_between(window > 0), relay([this, window] {
              window > 0 ? router(first.theirs, second.ours, window).run()
                         : pass_on(first.theirs, second.ours);
          }),
          sender([this] { send_when_started(); }) {}

    void send_when_started() const {
        const std::string mail =
            R"({"type":"mail","to":"receiver","msg":")" + std::string(mail_size - 2, 'm') + "\"}\n";
        std::string all;
        for (int i = 0; i < mails_at_once; ++i) all += mail;
        for (char go = 0; ::read(start.theirs, &go, 1) == 1;) write_all(first.ours, all);
    }

    void receive() {
        std::string acks;
        for (int got = 0; got < mails_at_once; acks.clear()) {
            const bool more = mails.read([&](std::string_view) {
                if (router_between)
                    acks += "{\"type\":\"signal\",\"signal\":\"ACK-CURRENT-MAIL\"}\n";
                ++got;
            });
            if (!more) throw std::runtime_error("bare sockets");
            write_all(second.theirs, acks);
            go_on();
        }
    }
};

bare_sockets::bare_sockets(unsigned window) : impl_(std::make_unique<impl>(window)) {}
bare_sockets::~bare_sockets() = default;

double bare_sockets::all_at_once() {
    return per_second(milliseconds_of([this] {
        write_all(impl_->start.ours, "!");
        impl_->receive();
    }));
}

}  // namespace bench
