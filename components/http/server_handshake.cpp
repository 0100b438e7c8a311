#include "components/http/server_handshake.hpp"

#include "patterns/output.hpp"

namespace components {
namespace {

/// For all clients that cannot speak to us, once in a while: many of them are no clients.
void report_handshake(http_service& s, const boost::system::error_code& failed) {
    ++s.refused_handshakes;
    if (s.handshake_lines.take(s.self.time().now()) > supe::duration::zero()) return;
    patterns::warn("TLS: {} handshakes failed so far, the last one: {}", s.refused_handshakes,
                   failed.message());
}

}  // namespace

supe::awaitable<bool> greet(http_client& c) {
    const tls_server_context context = c.identity->context(c.owner.self.time().now());
    if (!context) co_return false;
    c.tls = byte_stream::accept_tls(c.socket, context);
    c.may_take(c.owner.limits.handshake);
    const boost::system::error_code failed = co_await c.tls->handshake();
    if (!failed) co_return true;
    c.tls.reset();
    const handshake_fault fault = fault_of_handshake(failed);
    if (fault == handshake_fault::refused) report_handshake(c.owner, failed);
    http_answer tls_is_spoken{400, "TLS is spoken here: the URL begins with https://\n", {}};
    if (fault == handshake_fault::plain_http) co_await refuse(c, std::move(tls_is_spoken));
    co_return false;
}

}  // namespace components
