#include "components/chaos/relay_process.hpp"

#include "supe/async/unique_fd.hpp"
#include "supe/storage/proc_text.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <system_error>

namespace components {
namespace {

namespace fs = std::filesystem;

/// Below all threads: the kernel lists a child under the thread that started it.
std::vector<pid_t> children_of(pid_t pid) {
    std::vector<pid_t> found;
    std::error_code gone;
    fs::directory_iterator thread("/proc/" + std::to_string(pid) + "/task", gone), end;
    for (; !gone && thread != end; thread.increment(gone)) {
        std::ifstream in(thread->path() / "children");
        found.insert(found.end(), std::istream_iterator<pid_t>(in), {});
    }
    return found;
}

/// `queue` of `supe component queue /dam/queue`; empty of one that is dead.
std::string role_of(pid_t pid) {
    const std::string words = supe::proc_text("/proc/" + std::to_string(pid) + "/cmdline");
    std::vector<std::string> all(1);
    for (const char c : words)
        if (c == '\0') {
            all.emplace_back();
        } else {
            all.back() += c;
        }
    return all.size() > 2 && all[1] == "component" ? all[2] : "";
}

/// In the child between fork and exec.
[[noreturn]] void become(const std::vector<std::string>& words, int log, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    ::setsid();  // Ctrl-C is for the one that started us
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    std::vector<char*> arguments{const_cast<char*>("supe")};
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execv("/proc/self/exe", arguments.data());
    ::_exit(127);
}

}  // namespace

relay_process::relay_process(std::vector<std::string> words, fs::path log)
    : words_(std::move(words)), log_(std::move(log)) {}

relay_process::~relay_process() {
    if (!is_running()) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

void relay_process::start() {
    const supe::unique_fd log(
        ::open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    const pid_t parent = ::getpid();
    pid_ = log ? ::fork() : -1;
    if (pid_ == 0) become(words_, log.get(), parent);
    if (pid_ < 0) {
        pid_ = 0;
        throw std::system_error(errno, std::generic_category(), "a relay cannot be started");
    }
}

bool relay_process::is_running() {
    if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) != 0) pid_ = 0;
    return pid_ > 0;
}

void relay_process::signal(int number) {
    if (is_running()) ::kill(pid_, number);
}

std::vector<relay_process::part> relay_process::parts() const {
    std::vector<part> all;
    if (pid_ <= 0) return all;
    all.push_back({pid_, "relay"});
    for (std::size_t i = 0; i < all.size(); ++i)
        for (const pid_t child : children_of(all[i].pid))
            if (std::string role = role_of(child); !role.empty())
                all.push_back({child, std::move(role)});
    return all;
}

}  // namespace components
