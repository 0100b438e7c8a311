// One connection of an HTTP server: its requests and their answers.
#pragma once

#include "components/http/byte_stream.hpp"
#include "components/http/server.hpp"
#include "components/http/tcp_socket.hpp"
#include "patterns/rate_limiter.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <list>
#include <memory>

namespace components {

struct http_client;

/// The service: what its connections share.
struct http_service {
    supe::component& self;
    http_limits limits;
    http_handler handler;
    std::list<http_client*> clients;
    std::size_t large_bytes = 0;
    bool draining = false;  ///< no connection is kept after an answer
    bool closing = false;
    supe::timer client_left;
    // One line for many of a kind.
    patterns::rate_limiter no_room_lines{{1, std::chrono::seconds(10)}};
    patterns::rate_limiter no_memory_lines{{1, std::chrono::seconds(10)}};
    patterns::rate_limiter handshake_lines{{1, std::chrono::minutes(1)}};
    std::uint64_t refused_handshakes = 0;

    http_service(supe::component& c, http_limits l, http_handler h)
        : self(c), limits(std::move(l)), handler(std::move(h)), client_left(c.time()) {}
};

/// Bytes: larger bodies count in http_limits::large_bodies.
constexpr std::size_t large_body = 64 << 10;

/// One connection.
struct http_client {
    http_service& owner;
    tcp_socket socket;
    std::shared_ptr<tls_identity> identity;  // null: TLS is not spoken
    std::unique_ptr<byte_stream> tls;        // over the socket; null in the clear
    boost::beast::flat_buffer buffer;
    std::string remote;
    bool idle = true;  // as it is during its handshake
    supe::time_point idle_since;
    bool leaving = false;                     // its last answer is written
    bool answering = false;                   // its request is complete, its answer not yet begun
    supe::time_point since{};                 // when it began what it does now
    supe::time_point deadline = supe::never;  // of that; never: it waits for us
    bool late = false;                        // the deadline has passed
    bool gives_way = false;                   // another one has its place
    std::size_t fresh = 0;                    // bytes of a body since the deadline was set
    std::size_t reserved = 0;                 // of the service's large_bytes
    std::size_t body_limit = 0;               // of the request that is being read
    std::list<http_client*>::iterator place;

    http_client(http_service& s, tcp_socket accepted, std::shared_ptr<tls_identity> as);
    ~http_client();
    http_client(const http_client&) = delete;
    http_client& operator=(const http_client&) = delete;

    void may_take(supe::duration limit) {
        since = owner.self.time().now();
        deadline = since + limit;
        late = false;
        fresh = 0;
    }
    /// More of a body is here: its time begins anew with each part that kept up the rate.
    void took(std::size_t bytes);
    /// Bounds the memory that large bodies take together; `bytes`: what there is of this one.
    bool reserve(std::size_t bytes);
    void give_back() { owner.large_bytes -= std::exchange(reserved, 0); }
    void count(const http_answer& a) const {
        if (owner.limits.counts) ++(*owner.limits.counts)[a.status];
    }
};

/// Answers its requests, in their order, until it ends.
supe::awaitable<> serve_client(http_service& s, std::unique_ptr<http_client> c);

/// Answers, and ends the connection so that the client sees the answer.
supe::awaitable<> refuse(http_client& c, http_answer answer);

/// The whole of an answer after which the connection is closed.
std::string closing_text(http_client& c, const http_answer& answer);

/// Ends what it waits for.
void cancel(http_client& c);

}  // namespace components
