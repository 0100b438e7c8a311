#include "tests/support/program.hpp"

#include <fcntl.h>
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

}  // namespace

program::program(event_loop& loop, std::vector<std::string> command,
                 std::map<std::string, std::string> variables)
    : loop_(loop), output_(::memfd_create("output", MFD_CLOEXEC)) {
    std::vector<std::string> environment = environment_with(variables);
    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&files, output_, 1);
    ::posix_spawn_file_actions_adddup2(&files, output_, 2);
    // Asio's sockets are inherited, and one that still listens elsewhere cannot be taken down here.
    ::posix_spawn_file_actions_addclosefrom_np(&files, 3);
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    const int failed = ::posix_spawnp(&pid_, command.front().c_str(), &files, &attributes,
                                      pointers(command).data(), pointers(environment).data());
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
    if (failed) throw std::system_error(failed, std::generic_category(), command.front());
    ::fcntl(output_, F_SETFL, O_APPEND);  // one description, two writers
}

program::~program() {
    if (!has_ended()) {
        ::kill(-pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    ::close(output_);
}

void program::signal(int number) {
    if (!has_ended()) ::kill(pid_, number);
}

bool program::has_ended() {
    int status = 0;
    if (!exit_ && ::waitpid(pid_, &status, WNOHANG) == pid_)
        exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return exit_.has_value();
}

std::optional<int> program::wait(supe::duration limit) {
    loop_.until([this] { return has_ended(); }, limit);
    return exit_;
}

std::string program::output() const {
    std::string text(static_cast<std::size_t>(::lseek(output_, 0, SEEK_END)), '\0');
    const ssize_t n = ::pread(output_, text.data(), text.size(), 0);
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
}

bool program::prints(const std::string& text, supe::duration limit) {
    return loop_.until([&] { return output().find(text) != std::string::npos; }, limit);
}

finished run(event_loop& loop, std::vector<std::string> command,
             std::map<std::string, std::string> variables) {
    program p(loop, std::move(command), std::move(variables));
    const auto code = p.wait(std::chrono::seconds(30));
    return {code.value_or(-1), p.output()};
}

}  // namespace support
