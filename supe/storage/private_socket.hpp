// Sockets in the state directory: for the processes of our user, whatever the umask, and however
// long the path is.
#pragma once

#include "supe/async/unique_fd.hpp"

#include <filesystem>
#include <string>

namespace supe {

/// Listens at `file`, with mode 0600, in the place of what was there. Non-blocking. Throws
/// system_error, which names the file.
unique_fd listen_private(const std::filesystem::path& file);

/// A connection to who listens there, non-blocking. No descriptor: errno says why.
unique_fd connect_private(const std::filesystem::path& file);

/// The process at the other end is of our user, or of root.
bool is_of_our_user(int connection);

/// The address of a socket has 107 bytes, and a path may be longer: the file `name` of a directory
/// that is open, by way of /proc/self/fd. `directory_fd` must stay open while it is used.
std::string short_path(int directory_fd, const std::string& name);

}  // namespace supe
