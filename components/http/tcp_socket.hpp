// TCP on the loop's own executor, which is smaller and quicker to compile than Asio's default.
#pragma once

#include "supe/async/awaitable.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace components {

using tcp = boost::asio::ip::tcp;
using tcp_socket = boost::asio::basic_stream_socket<tcp, supe::loop_executor>;
using tcp_acceptor = boost::asio::basic_socket_acceptor<tcp, supe::loop_executor>;
using tcp_resolver = boost::asio::ip::basic_resolver<tcp, supe::loop_executor>;

/// An operation that throws nothing: `const auto [failed, n] = co_await …`.
inline constexpr auto as_result = boost::asio::as_tuple(supe::use_awaitable);

/// How many bytes went, and what ended it.
struct transfer {
    boost::system::error_code failed;
    std::size_t bytes = 0;
};

}  // namespace components
