// The bytes of a connection to a destination, in the clear or in TLS.
#pragma once

#include "components/http/tcp_socket.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <memory>
#include <string>

namespace components {

/// How many bytes went, and what ended it.
struct transfer {
    boost::system::error_code failed;
    std::size_t bytes = 0;
};

/// A socket that is not connected yet, and what is spoken over it. Virtual, so that the code above
/// is compiled once for both kinds.
class byte_stream {
public:
    static std::unique_ptr<byte_stream> make_plain(supe::loop_executor executor);
    /// Expects a certificate of `host`, by one of the system's CAs.
    static std::unique_ptr<byte_stream> make_tls(supe::loop_executor executor, std::string host);

    virtual ~byte_stream() = default;
    virtual tcp_socket& socket() = 0;
    /// Once the socket is connected.
    virtual supe::awaitable<boost::system::error_code> handshake() = 0;
    virtual supe::awaitable<transfer> read_some(boost::asio::mutable_buffer into) = 0;
    virtual supe::awaitable<transfer> write_some(std::array<boost::asio::const_buffer, 2> from) = 0;
    /// TLS says that it ends (close_notify), and waits for the same; else nothing.
    virtual supe::awaitable<> finish() = 0;
};

}  // namespace components
