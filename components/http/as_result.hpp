// Asio's operations with their error codes as results, not thrown.
#pragma once

#include "supe/async/awaitable.hpp"

#include <boost/asio/as_tuple.hpp>

namespace components {

/// `const auto [failed, n] = co_await socket.async_read_some(buffer, as_result);`
inline constexpr auto as_result = boost::asio::as_tuple(supe::use_awaitable);

}  // namespace components
