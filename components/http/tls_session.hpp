// TLS over a socket, for either end of it, without waiting: each step says what it waits for.
// OpenSSL reads and writes the socket itself, and no more than the record that is read: a session
// at rest takes no buffers, and what is not read yet is still in the socket.
#pragma once

#include "components/http/tcp_socket.hpp"
#include "components/http/tls_identity.hpp"

#include <boost/asio/buffer.hpp>
#include <memory>

struct ssl_st;  // OpenSSL's SSL

namespace components {

/// What must be there before a step is tried again; nothing: it is done.
enum class tls_need { nothing, input, output };

struct tls_step {
    tls_need needs = tls_need::nothing;
    transfer done{};  ///< of a step that is done
};

/// What OpenSSL gets of the peer.
struct tls_wire {
    int socket = -1;
    int receives_left = 0;  ///< in this step
    int bare_records = 0;   ///< those that came less those that were read from
};

/// An end of a session as OpenSSL has it: which one, and what is asked of the peer.
using tls_end = std::unique_ptr<ssl_st, void (*)(ssl_st*)>;

/// Each step has a budget: a peer that sends on and on gets no more than its turn, and `input` is
/// needed although there is some. A peer whose records bring no data, as those of a handshake
/// bring none, may send a thousand of them: then the step has failed.
///
/// What a peer ends without close_notify has ended: HTTP itself says where a request, or an answer,
/// does.
class tls_session {
public:
    /// The server's end. The socket outlives it. Throws std::bad_alloc.
    tls_session(int socket, const tls_server_context& identity);
    /// An end that has no socket yet; where it is null memory has run out. Throws std::bad_alloc.
    tls_session(int socket, tls_end end);
    tls_session(const tls_session&) = delete;
    tls_session& operator=(const tls_session&) = delete;

    tls_step handshake();
    /// At most one record.
    tls_step read(boost::asio::mutable_buffer into);
    tls_step write(boost::asio::const_buffer from);
    /// Says that we end (close_notify), and awaits no answer.
    tls_step finish();

    /// Bytes of memory that it takes now; 0 until the handshake is done, which is bounded by number
    /// (http_limits::handshakes).
    std::size_t memory() const;
    /// Bytes of the peer are here that were not read: mostly of a record that is not whole.
    bool has_part_of_record() const;
    /// The peer has sent nothing that is still to be read, here or in the socket, nor its end.
    /// Takes what TLS sends for itself, as new keys.
    bool is_quiet();

private:
    void begin_step();
    tls_step outcome(int returned, std::size_t bytes = 0);

    tls_wire wire_;  // OpenSSL has its address
    tls_end tls_;
};

/// How a handshake failed: one of the two refused what the other sent. Else the peer hung up, or
/// its time was up.
bool is_refusal(const boost::system::error_code& failed);

}  // namespace components
