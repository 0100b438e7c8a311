#include "tests/support/command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <system_error>

extern char** environ;

namespace support {
namespace {

std::vector<std::string> environment_with(const std::map<std::string, std::string>& variables) {
    std::vector<std::string> all;
    for (char** entry = environ; *entry; ++entry) {
        const std::string text(*entry);
        if (!variables.contains(text.substr(0, text.find('=')))) all.push_back(text);
    }
    for (const auto& [name, value] : variables)
        if (!value.empty()) all.push_back(name + "=" + value);
    return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (std::string& t : texts) all.push_back(t.data());
    all.push_back(nullptr);
    return all;
}

int file_without_name() {
    const int fd = ::memfd_create("output", MFD_CLOEXEC);
    ::fcntl(fd, F_SETFL, O_APPEND);
    return fd;
}

std::string text_of(int fd) {
    std::string text(static_cast<std::size_t>(::lseek(fd, 0, SEEK_END)), '\0');
    const ssize_t n = ::pread(fd, text.data(), text.size(), 0);
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
}

}  // namespace

bool until(const std::function<bool()>& fact, time_limit limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!fact()) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        ::poll(nullptr, 0, 10);
    }
    return true;
}

command::command(command_setup setup) : out_(file_without_name()), err_(file_without_name()) {
    std::vector<std::string> environment = environment_with(setup.variables);
    const int in = file_without_name();
    if (::write(in, setup.input.data(), setup.input.size()) < 0)
        throw std::system_error(errno, std::generic_category(), "stdin");
    ::lseek(in, 0, SEEK_SET);
    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_adddup2(&files, in, 0);
    ::posix_spawn_file_actions_adddup2(&files, setup.out >= 0 ? setup.out : out_, 1);
    ::posix_spawn_file_actions_adddup2(&files, err_, 2);
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    const int failed = ::posix_spawnp(&pid_, setup.words.front().c_str(), &files, &attributes,
                                      pointers(setup.words).data(), pointers(environment).data());
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
    ::close(in);
    if (failed) throw std::system_error(failed, std::generic_category(), setup.words.front());
}

command::~command() {
    if (!has_ended()) {
        ::kill(-pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    ::close(out_);
    ::close(err_);
}

void command::signal(int number) {
    if (!has_ended()) ::kill(pid_, number);
}

bool command::has_ended() {
    int status = 0;
    if (!exit_ && ::waitpid(pid_, &status, WNOHANG) == pid_)
        exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return exit_.has_value();
}

int command::wait(time_limit limit) {
    until([this] { return has_ended(); }, limit);
    return exit_.value_or(-1);
}

std::string command::out() const { return text_of(out_); }
std::string command::err() const { return text_of(err_); }

result run(command_setup setup) {
    command c(std::move(setup));
    const int code = c.wait();
    return {code, c.out(), c.err()};
}

}  // namespace support
