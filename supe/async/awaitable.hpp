// The one coroutine type of the project, and the name of the library behind it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

namespace supe {

namespace asio = boost::asio;
using boost::system::error_code;
using boost::system::system_error;

/// What every function that waits returns. Runs only while it is awaited, or owned by a nursery.
template <class T = void>
using awaitable = asio::awaitable<T>;

}  // namespace supe
