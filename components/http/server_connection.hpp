// One connection of an HTTP server: its requests and their answers.
#pragma once

#include "components/http/server.hpp"
#include "components/http/server_room.hpp"
#include "components/http/tcp_socket.hpp"
#include "components/http/tls_session.hpp"
#include "patterns/rate_limiter.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <memory>

namespace components {

struct http_client;

/// The service: what its connections share.
struct http_service {
    supe::component& self;
    http_limits limits;
    http_handler handler;
    http_room room{};
    std::size_t greeting = 0;               ///< handshakes under way
    std::list<http_client*> at_the_door{};  ///< those that wait for theirs, as they came
    bool draining = false;                  ///< no connection is kept after an answer
    bool closing = false;
    supe::timer client_left;
    std::vector<char> dropped = std::vector<char>(16 << 10);  ///< what nobody reads any more
    // One line for many of a kind.
    patterns::rate_limiter no_room_lines{{1, std::chrono::seconds(10)}};
    patterns::rate_limiter large_lines{{1, std::chrono::seconds(10)}};
    patterns::rate_limiter no_memory_lines{{1, std::chrono::seconds(10)}};
    patterns::rate_limiter handshake_lines{{1, std::chrono::minutes(1)}};
    std::uint64_t refused_handshakes = 0;

    http_service(supe::component& c, http_limits l, http_handler h)
        : self(c), limits(std::move(l)), handler(std::move(h)), client_left(c.time()) {}
    /// Who began before then has kept us waiting for long enough to give way.
    supe::time_point patient_since() const { return self.time().now() - limits.patience; }
};

/// Bytes that are read at once of a large body.
inline constexpr std::size_t large_read = 64 << 10;

/// One connection.
struct http_client : http_guest {
    http_service& owner;
    tcp_socket socket;
    std::shared_ptr<tls_identity> identity;  // null: TLS is not spoken
    std::unique_ptr<tls_session> tls;        // over the socket; null in the clear
    boost::beast::flat_buffer buffer;
    std::string remote;
    bool idle = true;                         // no request has begun
    bool answered = false;                    // it had an answer
    supe::time_point deadline = supe::never;  // of what it does now; never: it waits for us
    bool late = false;                        // the deadline has passed
    bool gives_way = false;                   // another one has its place
    bool parted = false;                      // goodbye is said
    supe::timer wake;                         // it waits for a handshake of others
    std::size_t fresh = 0;                    // bytes of a body since the deadline was set
    std::size_t body_limit = 0;               // of the request that is being read
    std::size_t of_request = 0;               // bytes of memory

    http_client(http_service& s, tcp_socket accepted, std::shared_ptr<tls_identity> as);
    ~http_client();
    http_client(const http_client&) = delete;
    http_client& operator=(const http_client&) = delete;

    void stand(http_standing s) { owner.room.stand(*this, s, owner.self.time().now()); }
    void may_take(supe::duration limit, http_standing as = http_standing::awaited);
    /// It waits for us, for as long as that takes.
    void waits_for_us();
    /// More of a body is here: its time begins anew with each part that kept up the rate.
    void took(std::size_t bytes);
    /// Bounds the memory that large requests take together; `bytes`: what this one takes now,
    /// beside TLS. Where there is no room, those give way that have kept us waiting. False where
    /// they are not enough.
    bool hold(std::size_t bytes);
    /// Others give way in the same way, and it counts in any case: what was kept must be answered.
    void hold_anyway(std::size_t bytes);
    /// Nothing of its request is needed any more.
    void release();
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

/// Its time is over: what we wait for ends, and a request that has begun is answered 408.
void end_client(http_client& c);
/// The same, and nobody waits for it any more.
void end_for_another(http_client& c);

/// A line for all connections that ended because memory had run out, once in a while.
void report_no_memory(http_service& s);

/// The handshake. The connection has a session of TLS.
supe::awaitable<boost::system::error_code> shake_hands(http_client& c);

// In the clear the socket is used directly: a coroutine more for each read and write would be a
// cost of each webhook.

/// Reads some bytes more into its buffer.
supe::awaitable<boost::system::error_code> read_some(http_client& c, std::size_t at_most);
/// False where it does not take all of them.
supe::awaitable<bool> write(http_client& c, std::string text);

}  // namespace components
