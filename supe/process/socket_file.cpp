#include "supe/process/socket_file.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace supe {

socket_file::socket_file(std::string path) : path_(std::move(path)) {
    struct stat made{};
    ::lstat(path_.c_str(), &made);
    device_ = made.st_dev;
    inode_ = made.st_ino;
}

socket_file::socket_file(socket_file&& other) noexcept
    : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}

socket_file& socket_file::operator=(socket_file&& other) noexcept {
    if (this == &other) return *this;
    remove();
    path_ = std::exchange(other.path_, {});
    device_ = other.device_;
    inode_ = other.inode_;
    return *this;
}

/// As long as the socket is open, the kernel gives its inode to no other file.
bool socket_file::is_at(const std::string& path) const {
    struct stat found{};
    return !path.empty() && ::lstat(path.c_str(), &found) == 0 && found.st_dev == device_ &&
           found.st_ino == inode_;
}

void socket_file::remove() {
    if (is_there()) ::unlink(path_.c_str());
}

}  // namespace supe
