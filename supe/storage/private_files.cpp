#include "supe/storage/private_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <system_error>

namespace supe {
namespace {

constexpr mode_t file_mode = 0600, directory_mode = 0700;

/// Without a descriptor as open(2) has it.
unique_fd if_regular(unique_fd file) {
    struct stat found{};
    if (!file || (::fstat(file.get(), &found) == 0 && S_ISREG(found.st_mode))) return file;
    file.reset();
    errno = not_regular;
    return file;
}

}  // namespace

std::string file_error(int number) {
    if (number == ELOOP) return "it is a symbolic link, and none is followed here";
    if (number == not_regular) return "it is no regular file";
    return std::generic_category().message(number);
}

unique_fd open_private(const std::filesystem::path& file, int flags) {
    const int always = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    if ((flags & O_CREAT) == 0) return if_regular(unique_fd(::open(file.c_str(), flags | always)));
    // Made here or not: only a new file gets its mode from us.
    unique_fd made(::open(file.c_str(), flags | O_EXCL | always, file_mode));
    if (made) ::fchmod(made.get(), file_mode);
    if (made || errno != EEXIST || (flags & O_EXCL) != 0) return made;
    return if_regular(unique_fd(::open(file.c_str(), flags | always, file_mode)));
}

std::string make_private_directory(const std::filesystem::path& directory) {
    std::error_code failed;
    if (directory.has_parent_path())
        std::filesystem::create_directories(directory.parent_path(), failed);
    if (::mkdir(directory.c_str(), directory_mode) == 0) {
        ::chmod(directory.c_str(), directory_mode);
        return {};
    }
    const int number = errno;
    struct stat found{};
    if (number != EEXIST || ::lstat(directory.c_str(), &found) != 0) return file_error(number);
    if (S_ISLNK(found.st_mode)) return file_error(ELOOP);
    return S_ISDIR(found.st_mode) ? "" : file_error(ENOTDIR);
}

std::string make_top_directory(const std::filesystem::path& directory) {
    std::error_code failed;
    return std::filesystem::is_directory(directory, failed) ? ""
                                                            : make_private_directory(directory);
}

/// The sticky bit helps nothing: others could still make the files that we do not have yet.
std::string why_not_ours(const std::filesystem::path& directory) {
    struct stat found{};
    if (::stat(directory.c_str(), &found) != 0) return file_error(errno);
    if (!S_ISDIR(found.st_mode)) return file_error(ENOTDIR);
    if (found.st_uid != ::geteuid())
        return fmt::format("it belongs to another user (uid {}, and this is {})", found.st_uid,
                           ::geteuid());
    if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return fmt::format("others can write to it (mode {:04o}): chmod go-w {}",
                           found.st_mode & 07777, directory.string());
    return {};
}

std::string file_name_of(const std::string& address) {
    std::string name = address.empty() ? "supe" : address.substr(1);
    std::ranges::replace(name, '.', '+');
    std::ranges::replace(name, '/', '.');
    return name;
}

std::string address_in_file_name(const std::string& file_name) {
    std::string address = "/" + file_name;
    std::ranges::replace(address, '.', '/');
    std::ranges::replace(address, '+', '.');
    return address;
}

std::optional<file_identity> identity_at(const std::filesystem::path& path) {
    struct stat found{};
    if (::lstat(path.c_str(), &found) != 0) return std::nullopt;
    return file_identity{found.st_dev, found.st_ino};
}

bool is_deleted_but_open(const file_identity& file) {
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", failed)) {
        struct stat open{};
        if (::stat(entry.path().c_str(), &open) == 0 &&
            file == file_identity{open.st_dev, open.st_ino})
            return open.st_nlink == 0;
    }
    return false;
}

bool leads_to(const std::filesystem::path& path, const unique_fd& file) {
    struct stat open{};
    return ::fstat(file.get(), &open) == 0 &&
           identity_at(path) == file_identity{open.st_dev, open.st_ino};
}

}  // namespace supe
