// One connection to a destination, from its opening to the moment when the destination has closed
// it too.
#pragma once

#include "components/http/destination.hpp"
#include "supe/async/clock.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace components {

/// The answer of the destination, or why there is none.
struct http_reply {
    int status = 0;  ///< 0: no answer
    std::optional<std::chrono::milliseconds> retry_after;
    std::string error;  ///< for people, where status is 0
};

/// Any 2xx (contract §7).
inline bool is_success(const http_reply& reply) {
    return reply.status >= 200 && reply.status < 300;
}

class http_connection {
public:
    /// `ADDRESS:PORT` of each way to get there, as the resolver gives them now. Empty, with the
    /// reason in `error`, where the name has no address.
    static supe::awaitable<std::vector<std::string>> resolve(supe::clock& time,
                                                             const http_destination& to,
                                                             std::string& error);

    http_connection(supe::clock& time, http_destination to);
    ~http_connection();

    /// Connects to the first of `peers` (from resolve) that answers, each in its share of the time.
    /// Never more than one connection is open meanwhile. Empty when it is, else why not.
    supe::awaitable<std::string> connect(std::vector<std::string> peers, supe::time_point deadline);
    /// The TCP connection: of one that could not be used too, until close() has seen it closed.
    struct ends {
        std::uint16_t local_port;
        std::string peer;
    };
    std::optional<ends> connected() const;
    /// With TLS: the name is checked against the system's CAs. Empty when it may be used, else why
    /// not.
    supe::awaitable<std::string> secure(supe::time_point deadline);

    /// Sends head and body, and reads the answer, whose body is dropped: read where that keeps the
    /// connection, up to 256 KiB, and else left for close(). Afterwards see reusable().
    supe::awaitable<http_reply> exchange(const std::string& head, const std::string& body,
                                         supe::time_point deadline);

    /// Open, in step, and not closed by the destination as far as we know.
    bool reusable() const;
    /// The last exchange failed before a byte of its answer came, on a connection that had served
    /// before: the destination had closed it meanwhile, and another connection may be tried at
    /// once.
    bool was_stale() const;

    /// Closes our side, and waits for the destination to close its side, for at most 60 s;
    /// then it is reset.
    supe::awaitable<> close();

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

}  // namespace components
