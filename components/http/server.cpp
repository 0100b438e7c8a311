#include "components/http/server.hpp"

#include "components/http/server_connection.hpp"
#include "components/http/server_text.hpp"
#include "patterns/output.hpp"

#include <sys/socket.h>
#include <list>
#include <memory>

namespace components {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using client = http_client;
using service = http_service;

constexpr auto accept_pause = 100ms;  // after EMFILE and the like
constexpr auto sweep_every = 250ms;   // how exactly deadlines are kept

/// Watches the deadlines of all connections; a timer for each would cost more than it is worth.
supe::awaitable<> watch_deadlines(service& s) {
    for (;;) {
        co_await s.self.time().sleep_for(sweep_every);
        const auto now = s.self.time().now();
        for (client* c : s.clients) {
            if (now < c->deadline) continue;
            c->late = true;
            cancel(*c);
        }
    }
}

supe::awaitable<> accept(service& s, tcp_acceptor& acceptor, supe::nursery& clients) {
    while (!s.closing) {
        if (s.clients.size() >= s.limits.clients) {
            co_await s.client_left.wait();
            continue;
        }
        auto [failed, socket] = co_await acceptor.async_accept(as_result);
        if (failed == asio::error::operation_aborted) co_return;
        if (failed) {
            patterns::warn("accepting: {}", failed.message());
            co_await s.self.time().sleep_for(accept_pause);
            continue;
        }
        // Made here, so that it counts before the next one is accepted.
        clients.start(serve_client(s, std::make_unique<client>(s, std::move(socket))));
    }
}

tcp protocol_of(int fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    if (address.ss_family != AF_INET && address.ss_family != AF_INET6)
        throw std::runtime_error("HTTP is served on TCP alone: \"listen\" must be ADDRESS:PORT");
    return address.ss_family == AF_INET ? tcp::v4() : tcp::v6();
}

/// For those whose answer does not come in time for our end. Their request may be kept all the
/// same.
void refuse_at_end(client& c) {
    const std::string text = closing_text(c, unavailable("shutting down, please try again\n"));
    [[maybe_unused]] const auto n =
        ::send(c.socket.native_handle(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

supe::awaitable<bool> all_left(service& s) {
    while (!s.clients.empty()) co_await s.client_left.wait();
    co_return true;
}

}  // namespace

supe::awaitable<> serve_http(supe::component& self, std::vector<int> sockets, http_limits limits,
                             http_handler handler) {
    if (sockets.empty())
        throw std::runtime_error("no listening socket: the tree file gives none under \"listen\"");
    service s(self, limits, std::move(handler));
    std::list<tcp_acceptor> acceptors;
    for (const int fd : sockets)
        acceptors.emplace_back(self.time().executor(), protocol_of(fd), fd);
    supe::nursery clients(self.time()), acceptance(self.time()), timeouts(self.time());
    timeouts.start(watch_deadlines(s));
    for (tcp_acceptor& a : acceptors) acceptance.start(accept(s, a, clients));
    self.ready();
    co_await self.shutdown_requested();
    s.closing = true;
    acceptance.cancel();
    co_await acceptance.join();
    for (client* c : s.clients)
        if (c->idle) cancel(*c);
    co_await supe::within(self.time(), self.time().now() + limits.drain, all_left(s));
    for (client* c : s.clients)
        if (c->answering) refuse_at_end(*c);
    clients.cancel();
    co_await clients.join();
    timeouts.cancel();
    co_await timeouts.join();
}

}  // namespace components
