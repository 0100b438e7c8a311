#include "components/http/server.hpp"

#include "components/http/server_connection.hpp"
#include "components/http/server_text.hpp"
#include "patterns/output.hpp"

#include <sys/socket.h>
#include <list>
#include <memory>
#include <new>
#include <utility>

namespace components {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using client = http_client;
using service = http_service;

constexpr auto accept_pause = 100ms;  // after EMFILE and the like
constexpr auto leaves_within = 5ms;   // a client that gives way
constexpr int most_asked = 8;
constexpr auto sweep_every = 250ms;  // how exactly deadlines are kept

/// A listener at work.
struct http_door {
    tcp_acceptor acceptor;
    std::shared_ptr<tls_identity> identity;
};

/// Watches the deadlines of all connections; a timer for each would cost more than it is worth.
/// Looks at the files of certificates too, also while nobody comes.
supe::awaitable<> watch_deadlines(service& s, const std::list<http_door>& doors) {
    for (;;) {
        co_await s.self.time().sleep_for(sweep_every);
        const auto now = s.self.time().now();
        for (const http_door& d : doors)
            if (d.identity) d.identity->look(now);
        for (http_guest* g : s.room.all()) {
            auto& c = static_cast<client&>(*g);
            if (now >= c.deadline) end_client(c);
        }
    }
}

/// Once in a while: it may come for each connection.
void report(service& s, const boost::system::error_code& failed) {
    if (s.no_room_lines.take(s.self.time().now()) > supe::duration::zero()) return;
    patterns::warn("accepting: {}; idle connections are closed for new ones", failed.message());
}

supe::awaitable<> fewer_clients(service& s, std::size_t than) {
    while (s.room.size() >= than) co_await s.client_left.wait();
}

/// Its next request is here, and was not read yet.
bool has_input(client& c) {
    char byte;
    return ::recv(c.socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/// Null: nobody gives way now.
client* next_to_give_way(service& s) {
    const supe::time_point before = s.patient_since();
    while (http_guest* const g = s.room.next_to_give_way(before)) {
        auto& c = static_cast<client&>(*g);
        if (c.standing != http_standing::resting || !has_input(c)) return &c;
        c.stand(http_standing::awaited);
    }
    return nullptr;
}

/// Makes room for one more. Resumes when there may be some.
supe::awaitable<> make_room(service& s) {
    const std::size_t clients = s.room.size();
    // One whose next bytes are here, and not looked at yet, goes on: then another one is asked.
    for (int n = 0; n < most_asked; ++n) {
        client* const asked = next_to_give_way(s);
        if (asked) end_for_another(*asked);
        const supe::time_point end = s.self.time().now() + (asked ? leaves_within : accept_pause);
        const bool has_left = co_await supe::within(s.self.time(), end, fewer_clients(s, clients));
        if (has_left || !asked) co_return;
    }
}

bool is_out_of_room(const boost::system::error_code& failed) {
    return failed == asio::error::no_descriptors || failed == asio::error::no_memory ||
           failed == asio::error::no_buffer_space ||
           failed == boost::system::errc::too_many_files_open_in_system;
}

/// It counts at once, before the next one is accepted.
void welcome(service& s, tcp_socket socket, const std::shared_ptr<tls_identity>& identity,
             supe::nursery& clients) {
    try {
        auto fresh = std::make_unique<client>(s, std::move(socket), identity);
        clients.start(serve_client(s, std::move(fresh)));
    } catch (const std::bad_alloc&) {
        report_no_memory(s);
    }
}

supe::awaitable<> accept(service& s, http_door& door, supe::nursery& clients) {
    tcp_acceptor& acceptor = door.acceptor;
    while (!s.closing) {
        if (s.room.size() >= s.limits.clients) {
            const auto [none] = co_await acceptor.async_wait(tcp_acceptor::wait_read, as_result);
            if (none == asio::error::operation_aborted) co_return;
            if (s.room.size() >= s.limits.clients) co_await make_room(s);
            continue;
        }
        auto [failed, socket] = co_await acceptor.async_accept(as_result);
        if (failed == asio::error::operation_aborted) co_return;
        if (is_out_of_room(failed)) {
            report(s, failed);
            co_await make_room(s);
        } else if (failed) {
            patterns::warn("accepting: {}", failed.message());
            co_await s.self.time().sleep_for(accept_pause);
        } else {
            welcome(s, std::move(socket), door.identity, clients);
        }
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
    if (c.tls) {
        c.tls->write(asio::buffer(text));
        return;
    }
    [[maybe_unused]] const auto n =
        ::send(c.socket.native_handle(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/// Those that are still here hear that this end is meant.
void part_at_end(client& c) {
    if (c.standing == http_standing::working) refuse_at_end(c);
    if (c.tls && !std::exchange(c.parted, true)) c.tls->finish();
}

supe::awaitable<bool> all_left(service& s) {
    while (s.room.size() > 0) co_await s.client_left.wait();
    co_return true;
}

/// No more is accepted; what is in progress is answered, as far as `drain` allows.
supe::awaitable<> finish(service& s, std::list<http_door>& doors) {
    s.closing = true;
    boost::system::error_code ignored;
    for (http_door& d : doors) d.acceptor.close(ignored);
    for (http_guest* g : s.room.all()) {
        auto& c = static_cast<client&>(*g);
        if (c.idle) cancel(c);
    }
    co_await supe::within(s.self.time(), s.self.time().now() + s.limits.drain, all_left(s));
    for (http_guest* g : s.room.all()) part_at_end(static_cast<client&>(*g));
}

}  // namespace

supe::awaitable<> serve_http(supe::component& self, std::vector<http_listener> listeners,
                             http_limits limits, http_handler handler) {
    if (listeners.empty())
        throw std::runtime_error("no listening socket: the tree file gives none under \"listen\"");
    service s(self, limits, std::move(handler));
    std::list<http_door> doors;
    for (const http_listener& l : listeners)
        doors.push_back(
            {tcp_acceptor(self.time().executor(), protocol_of(l.socket), l.socket), l.identity});
    // One nursery for all: a server that is cancelled has no connection left that uses it.
    const auto body = [&](supe::nursery& all) -> supe::awaitable<> {
        all.start(watch_deadlines(s, doors));
        for (http_door& d : doors) all.start(accept(s, d, all));
        self.ready();
        co_await self.shutdown_requested();
        s.draining = true;
        if (s.limits.accept_on) co_await self.time().sleep_for(s.limits.accept_on());
        co_await finish(s, doors);
        all.cancel();
    };
    co_await supe::with_nursery(self.time(), body);
}

supe::awaitable<> serve_http(supe::component& self, std::vector<int> sockets, http_limits limits,
                             http_handler handler) {
    std::vector<http_listener> listeners;
    for (const int fd : sockets) listeners.push_back({fd});
    return serve_http(self, std::move(listeners), std::move(limits), std::move(handler));
}

}  // namespace components
