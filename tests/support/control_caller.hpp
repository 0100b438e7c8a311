// Clients of the control socket, well-behaved or not, and a server for them.
#pragma once

#include "supe/control/server.hpp"
#include "tests/support/players.hpp"
#include "tests/support/temporary_directory.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>

namespace support {

/// `web` obeys; `deaf` ends by SIGKILL alone.
inline constexpr const char* control_tree =
    R"({"name": "t", "children": [{"name": "web", "component": "diligent"}, {"name": "deaf", "component": "stubborn"}]})";

/// A client of the socket, well-behaved or not.
class control_caller {
public:
    explicit control_caller(const std::filesystem::path& state)
        : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        (state / "control.sock").string().copy(address.sun_path, sizeof address.sun_path - 1);
        connected_ =
            ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    }
    bool connected() const { return connected_; }
    /// Returns how many bytes the other side took.
    std::size_t say(const std::string& text) {
        const ssize_t n = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
        return n > 0 ? static_cast<std::size_t>(n) : 0;
    }
    /// All bytes so far; closed() is true when that is all.
    std::string received() {
        char buffer[65536];
        ssize_t n = 0;
        while ((n = ::recv(fd_.get(), buffer, sizeof buffer, 0)) > 0)
            all_.append(buffer, static_cast<std::size_t>(n));
        closed_ = n == 0 || (n < 0 && errno == ECONNRESET);
        return all_;
    }
    bool closed() {
        received();
        return closed_;
    }
    void hang_up() { fd_.reset(); }
    void half_close() { ::shutdown(fd_.get(), SHUT_WR); }

private:
    supe::unique_fd fd_;
    bool connected_ = false;
    bool closed_ = false;
    std::string all_;
};

/// A server on a tree of players in virtual time, and its clients.
struct control_counter {
    explicit control_counter(supe::control::server_limits limits = {})
        : server(std::in_place, world.root(), state.path(), limits), service(world.time()) {
        service.start(server->run());
        world.run_ready();
    }
    ~control_counter() {
        service.cancel();
        world.run_ready();
        BOOST_TEST(service.size() == 0u);
        server.reset();
    }
    control_caller call(const std::string& text = {}) {
        control_caller c(state.path());
        BOOST_REQUIRE(c.connected());
        if (!text.empty()) c.say(text + "\n");
        world.run_ready();
        return c;
    }
    bool serves() {
        return call(R"({"do":"status","address":"web"})").received().find(R"("state":"running")") !=
               std::string::npos;
    }

    support::player_world world{control_tree};
    support::temporary_directory state;
    std::optional<supe::control::server> server;
    supe::nursery service;
};

}  // namespace support
