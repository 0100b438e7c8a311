// The bytes of a connection, in the clear or in TLS.
#pragma once

#include "components/http/tcp_socket.hpp"
#include "components/http/tls_identity.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <filesystem>
#include <memory>
#include <string>

namespace boost::asio::ssl {
class context;
}

namespace components {

/// Whose certificates we trust.
using tls_authorities = std::shared_ptr<boost::asio::ssl::context>;
/// Those in a file of PEM, instead of the system's. Throws std::runtime_error, which says what is
/// wrong with it.
tls_authorities authorities_of(const std::filesystem::path& file);

/// How many bytes went, and what ended it.
struct transfer {
    boost::system::error_code failed;
    std::size_t bytes = 0;
};

/// A socket, and what is spoken over it. Virtual, so that the code above is compiled once for all
/// kinds.
class byte_stream {
public:
    // To a destination; the socket is not connected yet.
    static std::unique_ptr<byte_stream> make_plain(supe::loop_executor executor);
    /// Expects a certificate for `host`; without authorities by one of the system's.
    static std::unique_ptr<byte_stream> make_tls(supe::loop_executor executor, std::string host,
                                                 tls_authorities authorities = {});
    /// Of a client that was accepted on `socket`, which outlives it. What it ends without
    /// close_notify has ended: HTTP itself says where a request does.
    static std::unique_ptr<byte_stream> accept_tls(tcp_socket& socket,
                                                   const tls_server_context& identity);

    virtual ~byte_stream() = default;
    virtual tcp_socket& socket() = 0;
    /// Once the socket is connected.
    virtual supe::awaitable<boost::system::error_code> handshake() = 0;
    /// What is wrong with the certificate, where the handshake failed for that; else empty.
    virtual std::string distrust() const = 0;
    virtual supe::awaitable<transfer> read_some(boost::asio::mutable_buffer into) = 0;
    virtual supe::awaitable<transfer> write_some(std::array<boost::asio::const_buffer, 2> from) = 0;
    /// TLS says that it ends (close_notify), and of a destination waits for the same; else nothing.
    virtual supe::awaitable<> finish() = 0;
    /// Sends what of it the kernel takes at once. Precondition: nothing else is being written.
    virtual void send_now(boost::asio::const_buffer text) = 0;
};

/// Why the handshake with a client failed.
enum class handshake_fault {
    gone,        ///< it hung up, or its time was up
    plain_http,  ///< it sent a request without TLS
    refused      ///< one of the two takes nothing of what the other offers
};
handshake_fault fault_of_handshake(const boost::system::error_code& failed);

}  // namespace components
