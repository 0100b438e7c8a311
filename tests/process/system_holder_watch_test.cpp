// Shows what the connection lock gets from the real kernel: processes by number and start, and
// sockets of dead processes.
#include "components/connection_lock/system_holder_watch.hpp"
#include "components/connection_lock/kernel_sockets.hpp"
#include "supe/async/unique_fd.hpp"
#include "tests/support/event_loop.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <boost/test/unit_test.hpp>
#include <csignal>

using namespace std::chrono_literals;
using components::sockets_left;
using patterns::left_socket;
using patterns::process_identity;
using supe::unique_fd;

namespace {

/// A process that sleeps.
class sleeper {
public:
    sleeper() {
        pid_ = ::fork();
        if (pid_ == 0) {
            ::execl("/bin/sleep", "sleep (1) 2", "1000", nullptr);
            ::_exit(127);
        }
    }
    ~sleeper() { end(); }
    void end() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(std::exchange(pid_, 0), nullptr, 0);
    }
    process_identity identity() const { return patterns::process_of(pid_); }

private:
    pid_t pid_ = 0;
};

/// A connection to a listening socket on loopback, with both ends.
struct connection {
    unique_fd listener, client, server;
    std::string peer;    ///< of the client
    unsigned local = 0;  ///< port

    explicit connection(int family) {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        address.ss_family = static_cast<sa_family_t>(family);
        if (family == AF_INET)
            reinterpret_cast<sockaddr_in*>(&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        else
            reinterpret_cast<sockaddr_in6*>(&address)->sin6_addr = in6addr_loopback;
        auto* any = reinterpret_cast<sockaddr*>(&address);
        listener.reset(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (!listener ||
            ::bind(listener.get(), any,
                   family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6)) != 0)
            return;
        ::listen(listener.get(), 4);
        ::getsockname(listener.get(), any, &size);
        client.reset(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        BOOST_REQUIRE(::connect(client.get(), any, size) == 0);
        server.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        const unsigned port = family == AF_INET
                                  ? ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port)
                                  : ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
        peer = (family == AF_INET ? "127.0.0.1:" : "[::1]:") + std::to_string(port);
        ::getsockname(client.get(), any, &size);
        local = family == AF_INET ? ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port)
                                  : ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
    }
};

/// `closing`, `closed`, or `none`: what is left of its client.
std::string left_of(const connection& c) {
    const std::vector<left_socket> left = sockets_left().value();
    for (const left_socket& s : left)
        if (s.peer == c.peer && s.port == c.local)
            return s.is == left_socket::state::closing ? "closing" : "closed";
    return "none";
}

supe::awaitable<> note_end(components::system_holder_watch& watch, process_identity holder,
                           bool& gone) {
    co_await watch.gone(holder);
    gone = true;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(system_holder_watch)

// A process is alive as long as its number is its own: another one with the same number is not it.
BOOST_AUTO_TEST_CASE(known_by_number_and_start) {
    support::event_loop loop;
    components::system_holder_watch watch(loop.time);
    sleeper s;
    const process_identity its = s.identity();
    BOOST_TEST(its.started > 0u);
    BOOST_TEST(watch.alive(its));
    BOOST_TEST(watch.alive(patterns::process_of(::getpid())));
    BOOST_TEST(!watch.alive({its.pid, its.started - 1}));
    BOOST_TEST(!watch.alive({}));
    bool gone = false;
    supe::nursery tasks(loop.time);
    tasks.start(note_end(watch, {its.pid, its.started - 1}, gone));
    BOOST_TEST(loop.until([&] { return gone; }, 5s));
    s.end();
    BOOST_TEST(!watch.alive(its));
}

// The end of a process is reported when it has ended, at once for one that ended before, and not
// when no descriptor is free.
BOOST_AUTO_TEST_CASE(gone_when_it_is_gone) {
    support::event_loop loop;
    components::system_holder_watch watch(loop.time);
    supe::nursery tasks(loop.time);
    sleeper s;
    const process_identity its = s.identity();
    bool gone = false, without_descriptors = false, afterwards = false;
    tasks.start(note_end(watch, its, gone));
    loop.run_for(20ms);
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const rlimit none{0, before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
    tasks.start(note_end(watch, its, without_descriptors));
    loop.run_for(50ms);
    BOOST_TEST(!without_descriptors);
    BOOST_TEST(watch.alive(its));
    ::setrlimit(RLIMIT_NOFILE, &before);
    loop.run_for(300ms);
    BOOST_TEST(!gone);
    BOOST_TEST(!without_descriptors);
    s.end();
    BOOST_TEST(loop.until([&] { return gone && without_descriptors; }, 5s));
    tasks.start(note_end(watch, its, afterwards));
    BOOST_TEST(loop.until([&] { return afterwards; }, 5s));
}

// A socket without a process is found by its ends: while its peer has not closed it, and for a
// while after that. One that has a process is not there, and of one with unread data nothing is
// left.
BOOST_AUTO_TEST_CASE(what_is_left_is_found) {
    if (!sockets_left()) {
        BOOST_TEST_MESSAGE("no sock_diag here: nothing to see");
        return;
    }
    for (const int family : {AF_INET, AF_INET6}) {
        connection c(family);
        if (!c.server) continue;  // no IPv6 on this machine
        BOOST_TEST(left_of(c) == "none");
        ::shutdown(c.client.get(), SHUT_WR);
        BOOST_TEST(left_of(c) == "none", "it has a process yet");
        c.client.reset();
        BOOST_TEST(left_of(c) == "closing");
        c.server.reset();
        BOOST_TEST(left_of(c) == "closed");

        connection unread(family);
        BOOST_TEST(::send(unread.server.get(), "x", 1, 0) == 1);
        const auto resets = components::resets_so_far();
        unread.client.reset();
        BOOST_REQUIRE(resets);
        BOOST_TEST(*components::resets_so_far() > *resets);
        BOOST_TEST(left_of(unread) == "none");
    }
}

BOOST_AUTO_TEST_SUITE_END()
