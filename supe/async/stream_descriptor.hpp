// A descriptor in the event loop.
#pragma once

#include "supe/async/awaitable.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

namespace supe {

/// Asio's, on the loop's own executor.
using stream_descriptor = asio::posix::basic_stream_descriptor<loop_executor>;

}  // namespace supe
