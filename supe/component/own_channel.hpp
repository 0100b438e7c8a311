// The channel to the supervisor that started this process.
#pragma once

#include "supe/async/unique_fd.hpp"

namespace supe {

/// The descriptor that NODE_CHANNEL_FD names, from now on closed at exec; none where it names no
/// open one.
unique_fd own_channel();

}  // namespace supe
