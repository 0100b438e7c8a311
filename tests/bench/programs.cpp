#include "tests/bench/programs.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdexcept>
#include <sys/stat.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

extern char** environ;

namespace bench {
namespace {

constexpr int patience = 30'000;  // ms

std::filesystem::path built() { return std::filesystem::path(SUPE_BINARY).parent_path(); }

void check(int error, const std::string& what) {
    if (error != 0) throw std::system_error(error, std::generic_category(), what);
}

}  // namespace

folder::folder() {
    const auto parent = built().parent_path() / "bench";
    std::filesystem::create_directories(parent);
    std::string name = parent / "XXXXXX";
    if (!::mkdtemp(name.data())) check(errno, name);
    path_ = name;
}

folder::~folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

program::program(std::vector<std::string> command, const std::filesystem::path& log,
                 const std::map<std::string, std::string>& environment) {
    std::vector<char*> arguments, variables;
    for (std::string& argument : command) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    std::vector<std::string> added;
    for (const auto& [key, value] : environment) added.push_back(key + "=" + value);
    for (std::string& entry : added) variables.push_back(entry.data());
    for (char** entry = environ; *entry; ++entry) variables.push_back(*entry);
    variables.push_back(nullptr);
    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::posix_spawn_file_actions_adddup2(&files, 1, 2);
    const int error = ::posix_spawn(&pid_, arguments[0], &files, nullptr, arguments.data(), variables.data());
    ::posix_spawn_file_actions_destroy(&files);
    check(error, command.front());
}

program::~program() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
}

births::births(const std::filesystem::path& fifo) : path_(fifo) {
    if (::mkfifo(path_.c_str(), 0600) != 0) check(errno, path_);
    fd_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);  // for writing too: it never ends
    if (fd_ < 0) check(errno, path_);
}

births::~births() { ::close(fd_); }

birth births::next() {
    pollfd ready{fd_, POLLIN, 0};
    birth b{};
    if (::poll(&ready, 1, patience) <= 0 || ::read(fd_, &b, sizeof b) != sizeof b)
        throw std::runtime_error("a child that was expected did not start");
    return b;
}

std::string child_program(const std::string& name) { return built() / name; }

std::string installed(const std::string& name) {
    for (const char* place : {"/usr/local/bin/", "/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/"})
        if (::access((place + name).c_str(), X_OK) == 0) return place + name;
    return {};
}

}  // namespace bench
