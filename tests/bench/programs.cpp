#include "tests/bench/programs.hpp"

#include "tests/bench/bench.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <system_error>

extern char** environ;

namespace bench {
namespace {

constexpr int patience = 30'000;  // ms

std::filesystem::path built() { return std::filesystem::path(SUPE_BINARY).parent_path(); }

void check(int error, const std::string& what) {
    if (error != 0) throw std::system_error(error, std::generic_category(), what);
}

/// Runs in the child: a process group of its own, and a death signal so that it ends with us.
/// Returns errno when it cannot become the program.
int become(char* const* arguments, char* const* variables, const char* log, pid_t bench) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != bench) return ESRCH;
    const int in = ::open("/dev/null", O_RDONLY),
              out = ::open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (in < 0 || out < 0 || ::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(out, 2) < 0)
        return errno;
    for (const int fd : {in, out})
        if (fd > 2) ::close(fd);
    ::execve(arguments[0], arguments, variables);
    return errno;
}

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
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
    for (char** entry = environ; *entry; ++entry)
        if (!environment.contains(std::string(*entry, std::strcspn(*entry, "="))))
            variables.push_back(*entry);
    variables.push_back(nullptr);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) check(errno, "pipe");
    const supe::unique_fd said(ends[0]);
    supe::unique_fd says(ends[1]);
    const pid_t us = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) {
        const int error = become(arguments.data(), variables.data(), log.c_str(), us);
        ::_exit(::write(says.get(), &error, sizeof error) == sizeof error ? 127 : 126);
    }
    if (pid_ < 0) check(errno, "fork");
    says.reset();
    int error = 0;  // no bytes come when it has become the program
    while (::read(said.get(), &error, sizeof error) < 0 && errno == EINTR) {}
    if (error != 0) ::waitpid(pid_, nullptr, 0);
    check(error, command.front());
}

program::~program() {
    ::kill(pid_, SIGTERM);
    has_ended(0);
    ::kill(-pid_, SIGKILL);
    // The whole group: its orphans have become our children (main).
    while (::waitpid(-pid_, nullptr, 0) > 0 || errno == EINTR) {}
}

bool program::has_ended(int options, int* exit_code) const {
    siginfo_t info{};
    int done = 0;
    while ((done = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT | options)) !=
               0 &&
           errno == EINTR) {}
    if (exit_code) *exit_code = info.si_code == CLD_EXITED ? info.si_status : -1;
    return done == 0 && info.si_pid == pid_;
}

bool program::runs() const { return !has_ended(WNOHANG); }

bool program::succeeds() const {
    int exit_code = -1;
    while (!has_ended(WNOHANG, &exit_code)) {
        ::poll(nullptr, 0, 10);
        go_on();
    }
    return exit_code == 0;
}

births::births(const std::filesystem::path& fifo) : path_(fifo) {
    if (::mkfifo(path_.c_str(), 0600) != 0) check(errno, path_);
    fd_ = ::open(path_.c_str(),
                 O_RDWR | O_CLOEXEC);  // for writing too, so that there is no end of file
    if (fd_ < 0) check(errno, path_);
}

births::~births() { ::close(fd_); }

birth births::next() {
    pollfd ready{fd_, POLLIN, 0};
    birth b{};
    const bool came = ::poll(&ready, 1, patience) > 0;
    go_on();
    if (!came || ::read(fd_, &b, sizeof b) != sizeof b)
        throw std::runtime_error("a child that was expected did not start");
    return b;
}

std::string child_program(const std::string& name) { return built() / name; }

std::string installed(const std::string& name) {
    const char* path = std::getenv("PATH");
    std::istringstream directories(std::string(path ? path : "") +
                                   ":/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin");
    for (std::string directory; std::getline(directories, directory, ':');)
        if (directory.starts_with('/') && ::access((directory + "/" + name).c_str(), X_OK) == 0)
            return directory + "/" + name;
    return {};
}

supe::unique_fd listening_socket() {
    supe::unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback(0);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(fd.get(), 128) != 0)
        check(errno, "listening on 127.0.0.1");
    return fd;
}

std::uint16_t port_of(const supe::unique_fd& fd) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
}

bool answers(std::uint16_t port) {
    const supe::unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback(port);
    return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace bench
