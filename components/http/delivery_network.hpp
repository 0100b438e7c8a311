// The way to destinations, as the forwarder sees it: TCP, or what a test has in its place.
#pragma once

#include "components/http/byte_stream.hpp"
#include "components/http/destination.hpp"
#include "supe/async/clock.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace components {

/// The answer of the destination, or why no answer came.
struct http_reply {
    int status = 0;  ///< 0: no answer
    std::optional<std::chrono::milliseconds> retry_after;
    std::string error;  ///< for people, where status is 0
};

/// Any 2xx (contract §7).
inline bool is_success(const http_reply& reply) {
    return reply.status >= 200 && reply.status < 300;
}

/// How long an exchange may take.
struct exchange_limits {
    supe::time_point total;     ///< its end
    supe::duration first_byte;  ///< from the end of the request to the first byte of an answer
};

/// The kernel forgets a socket that the other end has not closed after as long.
inline constexpr auto longest_close = std::chrono::seconds(60);

/// One connection to a destination, from its opening to the moment when the destination has closed
/// it too.
class delivery_connection {
public:
    virtual ~delivery_connection() = default;

    /// Connects to the first of `peers` (from resolve) that answers, each in its share of the time.
    /// Never more than one connection is open meanwhile. Empty when it is, else why not.
    virtual supe::awaitable<std::string> connect(std::vector<std::string> peers,
                                                 supe::time_point deadline) = 0;
    /// The TCP connection: of one that could not be used too, until close() has seen it closed.
    struct ends {
        std::uint16_t local_port;
        std::string peer;
    };
    virtual std::optional<ends> connected() const = 0;
    /// With TLS: the certificate must be of an authority that we trust, of now, and for the
    /// destination's name. Empty when it may be used, else which of these fails.
    virtual supe::awaitable<std::string> secure(supe::time_point deadline) = 0;

    /// Sends head and body, and reads the answer. The status in its first line decides, however odd
    /// the rest is, and also where it comes before all is sent. Its body is dropped: read where
    /// that keeps the connection, up to 256 KiB and 5 s, and else left for close(). Afterwards see
    /// reusable().
    virtual supe::awaitable<http_reply> exchange(const std::string& head, const std::string& body,
                                                 exchange_limits limits) = 0;

    /// Open, in step, and not closed by the destination as far as we know.
    virtual bool reusable() const = 0;
    /// The last exchange failed because the destination had ended a connection that had served
    /// before: it has not read the request, and another connection may be tried at once.
    virtual bool was_stale() const = 0;

    /// Closes our side, and waits for the destination to close its side, for at most `patience` and
    /// 60 s; then it is reset. So is one that goes on answering, after 16 MiB.
    virtual supe::awaitable<> close(supe::duration patience = longest_close) = 0;
};

class delivery_network {
public:
    virtual ~delivery_network() = default;
    /// `ADDRESS:PORT` of each way to get there, as the resolver gives them now. Empty, with the
    /// reason in `error`, where the name has no address.
    virtual supe::awaitable<std::vector<std::string>> resolve(supe::clock& time,
                                                              const http_destination& to,
                                                              std::string& error) = 0;
    /// One that is not open yet. `authorities`: for TLS; null: those of the system.
    virtual std::unique_ptr<delivery_connection> make_connection(supe::clock& time,
                                                                 const http_destination& to,
                                                                 tls_authorities authorities) = 0;
};

/// TCP, with the resolver of the system.
delivery_network& over_tcp();

}  // namespace components
