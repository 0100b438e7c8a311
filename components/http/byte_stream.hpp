// The bytes of a connection to a destination, in the clear or in TLS.
#pragma once

#include "components/http/tcp_socket.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <filesystem>
#include <memory>
#include <string>

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace components {

/// Whose certificates we trust.
using tls_authorities = std::shared_ptr<ssl_ctx_st>;
/// Those in a file of PEM, instead of the system's: each is trusted itself, also one that is not
/// the root of its chain. Throws std::runtime_error, which says what is wrong with it.
tls_authorities authorities_of(const std::filesystem::path& file);

/// A socket, and what is spoken over it. Virtual, so that the code above is compiled once for all
/// kinds.
class byte_stream {
public:
    // The socket is not connected yet.
    static std::unique_ptr<byte_stream> make_plain(supe::loop_executor executor);
    /// Expects a certificate for `host`; without authorities by one of the system's.
    static std::unique_ptr<byte_stream> make_tls(supe::loop_executor executor, std::string host,
                                                 tls_authorities authorities = {});

    virtual ~byte_stream() = default;
    virtual tcp_socket& socket() = 0;
    /// Once the socket is connected.
    virtual supe::awaitable<boost::system::error_code> handshake() = 0;
    /// What is wrong with the certificate, where the handshake failed for that; else empty.
    virtual std::string distrust() const = 0;
    virtual supe::awaitable<transfer> read_some(boost::asio::mutable_buffer into) = 0;
    virtual supe::awaitable<transfer> write_some(std::array<boost::asio::const_buffer, 2> from) = 0;
    /// The destination has sent nothing that is still to be read, nor its end.
    virtual bool is_quiet() = 0;
    /// TLS says that it ends (close_notify); else nothing.
    virtual supe::awaitable<> finish() = 0;
};

}  // namespace components
