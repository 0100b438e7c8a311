// Shows what the connection lock gets from the real kernel: processes by their address, and sockets
// of dead processes.
#include "components/connection_lock/system_holder_watch.hpp"
#include "components/connection_lock/kernel_sockets.hpp"
#include "supe/async/unique_fd.hpp"
#include "tests/support/event_loop.hpp"
#include "tests/support/temporary_directory.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <boost/test/unit_test.hpp>
#include <csignal>

using namespace std::chrono_literals;
using components::orphaned_sockets;
using supe::unique_fd;

namespace {

/// A process that sleeps, with the environment of a component at this address.
class sleeper {
public:
    explicit sleeper(const char* address) {
        std::string variable = std::string("SUPE_ADDRESS=") + address;
        char other[] = "NOT_SUPE_ADDRESS=/other";
        char* environment[] = {other, variable.data(), nullptr};
        char name[] = "sleep", time[] = "1000";
        char* arguments[] = {name, time, nullptr};
        pid_ = ::fork();
        if (pid_ == 0) {
            ::execve("/bin/sleep", arguments, environment);
            ::_exit(127);
        }
    }
    ~sleeper() { end(); }
    void end() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(std::exchange(pid_, 0), nullptr, 0);
    }
    pid_t pid() const { return pid_; }

private:
    pid_t pid_ = 0;
};

/// A connection to a listening socket on loopback, with both ends.
struct connection {
    unique_fd listener, client, server;
    std::string peer;  ///< of the client

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
    }
};

supe::awaitable<> note_end(components::system_holder_watch& watch, patterns::permit_holder holder,
                           bool& gone) {
    co_await watch.gone(holder);
    gone = true;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(system_holder_watch)

// A process is alive when it runs with that address, from the root or as a plain name of a sibling.
BOOST_AUTO_TEST_CASE(known_by_pid_and_address) {
    support::event_loop loop;
    components::system_holder_watch watch(loop.time);
    sleeper s("/dam/forwarder");
    BOOST_TEST(loop.until([&] { return watch.alive({"/dam/forwarder", s.pid()}); },
                          5s));  // it must execve first
    BOOST_TEST(watch.alive({"forwarder", s.pid()}));
    for (const char* other : {"/forwarder", "orwarder", "/dam", "dam", "/other", ""})
        BOOST_TEST(!watch.alive({other, s.pid()}), other);
    BOOST_TEST(!watch.alive({"/dam/forwarder", ::getpid()}));
    const pid_t pid = s.pid();
    s.end();
    BOOST_TEST(!watch.alive({"/dam/forwarder", pid}));
}

// The end of a process is reported when it has ended, at once for one that ended before, and not
// when no descriptor is free.
BOOST_AUTO_TEST_CASE(gone_when_it_is_gone) {
    support::event_loop loop;
    components::system_holder_watch watch(loop.time);
    supe::nursery tasks(loop.time);
    sleeper s("/a");
    const pid_t pid = s.pid();
    loop.until([&] { return watch.alive({"/a", pid}); }, 5s);
    bool gone = false, without_descriptors = false, afterwards = false;
    tasks.start(note_end(watch, {"/a", pid}, gone));
    loop.run_for(20ms);
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const rlimit none{0, before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
    tasks.start(note_end(watch, {"/a", pid}, without_descriptors));
    loop.run_for(50ms);
    BOOST_TEST(!without_descriptors);
    ::setrlimit(RLIMIT_NOFILE, &before);
    loop.run_for(300ms);
    BOOST_TEST(!gone);
    BOOST_TEST(!without_descriptors);
    s.end();
    BOOST_TEST(loop.until([&] { return gone && without_descriptors; }, 5s));
    tasks.start(note_end(watch, {"/a", pid}, afterwards));
    BOOST_TEST(loop.until([&] { return afterwards; }, 5s));
}

// A socket without a process whose peer has not closed it is found by its peer; other sockets are
// not.
BOOST_AUTO_TEST_CASE(orphans_are_found) {
    if (!orphaned_sockets({})) {
        BOOST_TEST_MESSAGE("no sock_diag here: nothing to see");
        return;
    }
    for (const int family : {AF_INET, AF_INET6}) {
        connection c(family);
        if (!c.server) continue;  // no IPv6 on this machine
        BOOST_TEST(!*orphaned_sockets({c.peer}));
        ::shutdown(c.client.get(), SHUT_WR);
        BOOST_TEST(!*orphaned_sockets({c.peer}), "it has a process yet");
        c.client.reset();
        BOOST_TEST(*orphaned_sockets({c.peer}), c.peer);
        BOOST_TEST(*orphaned_sockets({"192.0.2.1:1", c.peer}));
        BOOST_TEST(!*orphaned_sockets({"192.0.2.1:1"}));
        BOOST_TEST(!*orphaned_sockets({}));
        c.server.reset();
        BOOST_TEST(!*orphaned_sockets({c.peer}));
    }
}

// The file records that the last end was not clean, and the peers of the permits; a clean end
// removes it.
BOOST_AUTO_TEST_CASE(memory_outlives_a_crash) {
    const support::temporary_directory directory;
    const auto file = directory / "lock.open";
    const std::set<std::string> peers{"127.0.0.1:80", "[::1]:80"};
    BOOST_TEST(!components::lock_memory_file(file).unclean_peers());
    components::lock_memory_file(file).remember({});
    BOOST_TEST(components::lock_memory_file(file).unclean_peers().value().empty());
    components::lock_memory_file(file).remember(peers);
    BOOST_TEST((components::lock_memory_file(file).unclean_peers() == peers));
    components::lock_memory_file(file).ended_cleanly();
    BOOST_TEST(!components::lock_memory_file(file).unclean_peers());
}

// When it cannot be written, the earlier content stays.
BOOST_AUTO_TEST_CASE(memory_is_never_half_written) {
    const support::temporary_directory directory;
    const auto file = directory / "lock.open";
    components::lock_memory_file memory(file);
    memory.remember({"127.0.0.1:80"});
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{5, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    memory.remember({"127.0.0.1:80", "127.0.0.2:80"});
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    BOOST_TEST((memory.unclean_peers() == std::set<std::string>{"127.0.0.1:80"}));
}

BOOST_AUTO_TEST_SUITE_END()
