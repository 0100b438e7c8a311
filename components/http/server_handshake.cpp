#include "components/http/server_handshake.hpp"

#include "patterns/output.hpp"

#include <sys/socket.h>

namespace components {
namespace {

/// For all clients that cannot speak to us, once in a while: many of them are no clients.
void report_handshake(http_service& s, const boost::system::error_code& failed) {
    ++s.refused_handshakes;
    if (s.handshake_lines.take(s.self.time().now()) > supe::duration::zero()) return;
    patterns::warn("TLS: {} handshakes failed so far, the last one: {}", s.refused_handshakes,
                   failed.message());
}

bool has_place(const http_service& s) { return s.greeting < s.limits.handshakes; }

/// The newest goes first: of many that are slow on purpose most are older than it.
bool may_greet(const http_client& c) {
    return has_place(c.owner) && c.owner.at_the_door.back() == &c;
}

void let_in(http_service& s) {
    if (has_place(s) && !s.at_the_door.empty()) s.at_the_door.back()->wake.notify();
}

/// A handshake that is under way.
class greeting_place {
public:
    explicit greeting_place(http_service& s) : s_(s) { ++s_.greeting; }
    ~greeting_place() {
        --s_.greeting;
        let_in(s_);
    }
    greeting_place(const greeting_place&) = delete;
    greeting_place& operator=(const greeting_place&) = delete;

private:
    http_service& s_;
};

/// One that waits for such a place.
class place_at_door {
public:
    explicit place_at_door(http_client& c)
        : s_(c.owner), at_(s_.at_the_door.insert(s_.at_the_door.end(), &c)) {}
    ~place_at_door() {
        s_.at_the_door.erase(at_);
        let_in(s_);
    }
    place_at_door(const place_at_door&) = delete;
    place_at_door& operator=(const place_at_door&) = delete;

private:
    http_service& s_;
    std::list<http_client*>::iterator at_;
};

/// The slowest gives way, where it had its time. Returns when to look again.
supe::time_point make_place(http_service& s) {
    if (has_place(s)) return supe::never;  // the newest knows it
    const supe::time_point now = s.self.time().now();
    http_guest* const slowest = s.room.slowest_greeting(now);
    const supe::time_point end = (slowest ? slowest->since : now) + s.limits.patience;
    if (end > now) return end;
    end_for_another(static_cast<http_client&>(*slowest));
    return now + s.limits.patience;
}

/// Waits until another handshake may begin. False where that takes too long.
supe::awaitable<bool> may_begin(http_client& c) {
    http_service& s = c.owner;
    const place_at_door waits(c);
    while (!may_greet(c)) {
        c.wake.expires_at(make_place(s));
        co_await c.wake.wait();
        if (c.late || s.closing) co_return false;
    }
    co_return true;
}

/// What has come is text: TLS begins with a byte of control (RFC 8446 §5.1), and a request with
/// its method or with an empty line.
bool speaks_in_the_clear(http_client& c) {
    char first = 0;
    if (::recv(c.socket.native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT) != 1) return false;
    return (first >= ' ' && first <= '~') || first == '\r' || first == '\n';
}

}  // namespace

supe::awaitable<bool> greet(http_client& c) {
    c.may_take(c.owner.limits.handshake);
    // TLS takes no memory for one that says nothing.
    const auto [gone] = co_await c.socket.async_wait(tcp_socket::wait_read, as_result);
    if (gone) co_return false;
    if (speaks_in_the_clear(c)) {
        http_answer tls_is_spoken{400, "TLS is spoken here: the URL begins with https://\n", {}};
        co_await refuse(c, std::move(tls_is_spoken));
        co_return false;
    }
    const bool begins = co_await may_begin(c);
    if (!begins) co_return false;
    const greeting_place place(c.owner);
    const tls_server_context context = c.identity->context();
    if (!context) co_return false;
    c.tls = std::make_unique<tls_session>(c.socket.native_handle(), context);
    c.stand(http_standing::greeting);
    const boost::system::error_code failed = co_await shake_hands(c);
    if (failed) c.tls.reset();
    if (is_refusal(failed)) report_handshake(c.owner, failed);
    co_return !failed;
}

}  // namespace components
