// The one coroutine type of the project, and the name of the library behind it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

namespace supe {

namespace asio = boost::asio;
using boost::system::error_code;
using boost::system::system_error;

/// Where everything runs: an io_context itself. asio::any_io_executor is 56 bytes in every object,
/// frame and operation, which for a child that does nothing adds up to more than 2 KiB.
using loop_executor = asio::io_context::executor_type;

/// What every function that waits returns. Runs only while it is awaited, or owned by a nursery.
template <class T = void>
using awaitable = asio::awaitable<T, loop_executor>;

/// The completion token of these coroutines, where Asio's own is for those on any executor.
/// asio::deferred serves as well.
inline constexpr asio::use_awaitable_t<loop_executor> use_awaitable;

}  // namespace supe
