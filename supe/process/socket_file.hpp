// The file of a unix socket that this process made.
#pragma once

#include <cstdint>
#include <string>

namespace supe {

/// Removes the file at its end, where it is still the file that we made.
class socket_file {
public:
    socket_file() = default;
    /// Of the file that is there now.
    explicit socket_file(std::string path);
    socket_file(socket_file&& other) noexcept;
    socket_file& operator=(socket_file&& other) noexcept;
    ~socket_file() { remove(); }
    const std::string& path() const { return path_; }
    /// Our file is still there.
    bool is_there() const { return is_at(path_); }
    /// `path` leads to our file.
    bool is_at(const std::string& path) const;

private:
    void remove();
    std::string path_;
    std::uint64_t device_ = 0;
    std::uint64_t inode_ = 0;
};

}  // namespace supe
