// Files and directories that belong to the state directory: for our user alone, whatever the umask,
// and never through a symbolic link (contract §1). Everything here blocks.
#pragma once

#include "supe/async/unique_fd.hpp"

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace supe {

/// What open(2) returns for `flags`, with O_CLOEXEC and O_NOFOLLOW; a file that it makes (O_CREAT)
/// has mode 0600. No descriptor: errno says why, ELOOP for a symbolic link, not_regular for what is
/// no regular file. It never waits, as open(2) does for the other end of a FIFO.
unique_fd open_private(const std::filesystem::path& file, int flags);

/// Makes a directory with mode 0700, and those above it, where it is missing. Returns why it cannot
/// be had, or empty. One that is a symbolic link is refused.
std::string make_private_directory(const std::filesystem::path& directory);
/// The same for the state directory itself, to which a symbolic link may lead.
std::string make_top_directory(const std::filesystem::path& directory);

/// The name of the file of a child or supervisor: `dam.queue` for `/dam/queue`, since names have no
/// dots, and `dam.web+2` for the instance `/dam/web.2`; `supe` for the root, since no child can
/// have that name.
std::string file_name_of(const std::string& address);
/// The reverse, for a child or a supervisor below the root.
std::string address_in_file_name(const std::string& file_name);

/// The path leads to this open file: nobody deleted or moved it.
bool leads_to(const std::filesystem::path& path, const unique_fd& file);

/// Which file a path leads to. No other file is the same one while somebody has that one open.
struct file_identity {
    std::uint64_t device = 0, inode = 0;
    bool operator==(const file_identity&) const = default;
};
/// Nothing where the path leads nowhere. A symbolic link is not followed.
std::optional<file_identity> identity_at(const std::filesystem::path& path);
/// This process has the file open, and no path leads to it any more.
bool is_deleted_but_open(const file_identity& file);

/// Why nobody but us may have a say in this directory is not so: it belongs to another user, or
/// others can write to it. Empty where all is well.
std::string why_not_ours(const std::filesystem::path& directory);

/// errno of what is a FIFO, a device, a socket or a directory, and no regular file.
inline constexpr int not_regular = ENODEV;

/// errno's text; of ELOOP and not_regular, what they mean here.
std::string file_error(int number);

}  // namespace supe
