// An HTTP/1.1 server for components: connections, limits and timeouts here, what to answer in the
// handler.
#pragma once

#include "components/http/tls_identity.hpp"
#include "components/webhook/webhook.hpp"
#include "supe/component/component.hpp"

#include <functional>
#include <map>

namespace components {

struct http_request {
    std::string method;
    std::string target;   ///< path and query; never empty, begins with `/`
    http_fields headers;  ///< all, in their order, without trailers
    std::string body;
    std::string remote;   ///< address of the client
    bool secure = false;  ///< it came over TLS
};

struct http_answer {
    unsigned status = 200;
    std::string text;     ///< the body: a line for people, but for other types
    http_fields headers;  ///< further ones
    std::string type = "text/plain";
};

/// What was answered, by status: since the server began.
using http_counts = std::map<unsigned, std::uint64_t>;

struct http_limits {
    std::size_t head = 64 << 10;  ///< bytes of request line and fields (431)
    std::size_t body = 4 << 20;   ///< bytes (413)
    /// Where it is given: the bytes for a request with this head (its body is empty yet).
    std::function<std::size_t(const http_request&)> body_of{};
    /// Bytes of memory of all connections that take more than 24 KiB, with TLS, head and body,
    /// while a request is read and answered: for one more those give way that have kept us waiting
    /// (503).
    std::size_t large_requests = 64 << 20;
    /// Connections at once: for one more the one is closed that has been between requests for
    /// longest.
    std::size_t clients = 4096;
    /// Where none is: the one that has kept us waiting for longest, and for so long at least, for
    /// its first byte, its handshake, the rest of its request, or room for its answer. Until one
    /// has, new connections wait to be accepted.
    supe::duration patience = std::chrono::seconds(2);
    supe::duration idle = std::chrono::seconds(75);  ///< between requests
    supe::duration request =
        std::chrono::seconds(60);  ///< for its head, and again for its body (408)
    std::size_t rate = 500;  ///< a body that brings so many bytes a second over each `request` may
                             ///< go on
    supe::duration handshake = std::chrono::seconds(10);  ///< of TLS
    /// Handshakes under way at once. Each takes 55 KiB, and 208 KiB where its hello says that it is
    /// long, so they have a bound of their own: for one more the one gives way that has taken
    /// longest, and `patience` at least. Until one has, it waits.
    std::size_t handshakes = 128;
    supe::duration drain = std::chrono::seconds(5);  ///< for requests in progress at shutdown
    http_counts* counts = nullptr;  ///< where it is given: each answer counts there
    /// Where it is given: for how long to go on accepting when the shutdown was requested, so that
    /// those who send here have time to notice it.
    std::function<supe::duration()> accept_on{};
};

/// A listening TCP socket (taken over), and with which certificate TLS is spoken there.
struct http_listener {
    int socket = -1;
    std::shared_ptr<tls_identity> identity{};  ///< null: HTTP in the clear
};

/// What answers a request. Runs in the connection's coroutine; a throw is answered 500 and logged.
using http_handler = std::function<supe::awaitable<http_answer>(http_request)>;

/// Serves the listeners until the component is asked to shut down: then connections end with their
/// next answer, after `accept_on` no more is accepted, idle connections are closed, and requests in
/// progress are answered, with 503 those that take longer than `drain`. Requests of one connection
/// are answered in order (pipelining). What is no HTTP, too large or too slow is answered 400, 413,
/// 431 or 408, and the connection is closed; one that is still sending then is read for a while, so
/// that it sees the answer. Other clients are not affected: where memory has run out for one it is
/// answered 503 or closed. Where there is no descriptor for a connection, one is closed as where
/// there are too many.
supe::awaitable<> serve_http(supe::component& self, std::vector<http_listener> listeners,
                             http_limits limits, http_handler handler);
/// The same in the clear on all `sockets`.
supe::awaitable<> serve_http(supe::component& self, std::vector<int> sockets, http_limits limits,
                             http_handler handler);

}  // namespace components
