#include "supe/run/state_lock.hpp"

#include "supe/process/life_mark.hpp"
#include "supe/storage/file_text.hpp"
#include "supe/storage/private_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace supe {
namespace {

constexpr std::chrono::milliseconds look_again{20};  // flock cannot be waited for by an event loop

[[noreturn]] void refuse(const std::filesystem::path& directory, const std::string& why) {
    throw std::runtime_error(fmt::format("state directory {}: {}", directory.string(), why));
}

unique_fd open_in(const std::filesystem::path& directory, const char* name) {
    unique_fd fd = open_private(directory / name, O_RDWR | O_CREAT);
    if (!fd) refuse(directory, fmt::format("{}: {}", name, file_error(errno)));
    return fd;
}

void make_state_directory(const std::filesystem::path& directory) {
    std::string why = make_top_directory(directory);
    if (why.empty()) why = why_not_ours(directory);
    if (!why.empty()) refuse(directory, why);
}

std::string first_line_of(int fd) {
    char text[200];
    const ssize_t n = ::pread(fd, text, sizeof text, 0);
    const std::string all(text, n > 0 ? static_cast<std::size_t>(n) : 0);
    return all.substr(0, all.find('\n'));
}

/// `mark TREE DEVICE INODE`, of this very file: in a copy of the directory the mark is not ours.
std::string mark_line(int fd, std::uint64_t tree) {
    struct stat file{};
    ::fstat(fd, &file);
    return fmt::format("mark {} {} {}", tree, file.st_dev, file.st_ino);
}

/// That of the earlier roots, where there were some.
std::uint64_t tree_mark_in(int fd) {
    const std::string line = first_line_of(fd);
    std::uint64_t tree = 0;
    std::istringstream(line.substr(std::min(line.size(), line.find(' ')))) >> tree;
    return tree >= life_mark::least_tree && line == mark_line(fd, tree) ? tree : new_tree_mark();
}

}  // namespace

void state_lock::open_root() {
    unique_fd root = open_in(directory_, "root.lock");
    if (::flock(root.get(), LOCK_EX | LOCK_NB) != 0) {
        throw std::runtime_error(fmt::format("state directory {} is in use by process {}",
                                             directory_.string(), first_line_of(root.get())));
    }
    if (!replace_text(root.get(), fmt::format("{} ({})\n", ::getpid(), what_)))
        refuse(directory_, file_error(errno));
    root_ = std::move(root);
}

void state_lock::open_processes() {
    processes_ = open_in(directory_, "processes.lock");
    const int fd = processes_.get();
    if (tree_ == 0) tree_ = tree_mark_in(fd);
    const std::string mark = mark_line(fd, tree_);
    if (first_line_of(fd) != mark && !replace_text(fd, mark + "\n"))
        refuse(directory_, file_error(errno));
}

state_lock state_lock::acquire_root(const std::filesystem::path& directory,
                                    const std::string& what) {
    make_state_directory(directory);
    state_lock lock;
    lock.directory_ = directory;
    lock.what_ = what;
    lock.open_root();
    lock.open_processes();
    return lock;
}

bool state_lock::restore() {
    const bool has_root = leads_to(directory_ / "root.lock", root_);
    const bool has_processes = leads_to(directory_ / "processes.lock", processes_);
    if (has_root && has_processes) return false;
    make_state_directory(directory_);
    if (!has_root) open_root();
    if (!has_processes) open_processes();
    return true;
}

awaitable<bool> state_lock::wait_for_last_processes(clock& time, time_point deadline) {
    while (::flock(processes_.get(), LOCK_EX | LOCK_NB) != 0) {
        if (time.now() >= deadline) co_return false;
        co_await time.sleep_for(look_again);
    }
    ::flock(processes_.get(), LOCK_UN);
    co_return true;
}

std::optional<state_lock> state_lock::join(const std::filesystem::path& directory,
                                           std::string& error) {
    state_lock lock;
    try {
        lock.processes_ = open_in(directory, "processes.lock");
    } catch (const std::runtime_error& e) {
        error = e.what();
        return std::nullopt;
    }
    if (::flock(lock.processes_.get(), LOCK_SH | LOCK_NB) != 0) {
        error = fmt::format("state directory {}: another supervisor is taking over",
                            directory.string());
        return std::nullopt;
    }
    return lock;
}

}  // namespace supe
