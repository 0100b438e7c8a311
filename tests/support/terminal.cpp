#include "tests/support/terminal.hpp"

#include <fcntl.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace support {

terminal::terminal(std::vector<std::string> words,
                   const std::map<std::string, std::string>& variables) {
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    winsize size{
        .ws_row = 50, .ws_col = 500, .ws_xpixel = 0, .ws_ypixel = 0};  // wide enough for every line
    pid_ = ::forkpty(&fd_, nullptr, nullptr, &size);
    if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "forkpty");
    if (pid_ == 0) {
        for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
        ::execvp(pointers.front(), pointers.data());
        ::_exit(127);
    }
    ::fcntl(fd_, F_SETFL, O_NONBLOCK);
    ::fcntl(fd_, F_SETFD, FD_CLOEXEC);
}

terminal::~terminal() {
    if (pid_ > 0) {
        ::kill(-pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    if (fd_ >= 0) ::close(fd_);
}

void terminal::close() { ::close(std::exchange(fd_, -1)); }

int terminal::hang_up() {
    close();
    int status = 0;
    if (!until([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; })) return -1;
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void terminal::type(const std::string& keys) {
    if (::write(fd_, keys.data(), keys.size()) != static_cast<ssize_t>(keys.size()))
        throw std::system_error(errno, std::generic_category(), "the terminal takes no keys");
}

void terminal::read() {
    char buffer[4096];
    for (ssize_t n; (n = ::read(fd_, buffer, sizeof buffer)) > 0;)
        screen_.append(buffer, static_cast<std::size_t>(n));
}

std::size_t terminal::find(const std::string& text, std::size_t from) {
    until([&] {
        read();
        return screen_.find(text, from) != std::string::npos;
    });
    return screen_.find(text, from);
}

}  // namespace support
