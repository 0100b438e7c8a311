// The only file that sees Boost.Process; it is compiled here too.
#include "supe/process/posix_launcher.hpp"

#include "supe/process/descendants.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/optional.hpp>     // 1.81's Process names these without including them
#include <boost/type_traits.hpp>
#include <boost/process/v2/process.hpp>
#include <boost/process/v2/posix/vfork_launcher.hpp>
#include <boost/process/v2/src.hpp>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace supe {
namespace {

namespace process_v2 = boost::process::v2;

rlimit inherited_descriptor_limit{};

void raise_descriptor_limit() {
    if (inherited_descriptor_limit.rlim_max != 0) return;
    ::getrlimit(RLIMIT_NOFILE, &inherited_descriptor_limit);
    rlimit raised = inherited_descriptor_limit;
    raised.rlim_cur = raised.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &raised);
}

launch_error error_from(int number) {
    const char* name = ::strerrorname_np(number);
    return {name ? name : std::to_string(number), std::strerror(number)};
}

/// Blocks every signal while a child shares our memory: no handler of ours may run in it.
class signals_blocked {
public:
    signals_blocked() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_;
};

/// Boost.Process's initializer: what happens between vfork and exec. The child runs in our memory, so it only makes
/// system calls and writes to what was set aside for it, and never returns into our code or our destructors.
struct child_setup {
    const launch_request& request;
    const std::vector<int>& sources;   // what becomes descriptor 0, 1, 2, …
    std::vector<const char*>& environment;
    char* listen_pid;                  // where LISTEN_PID's digits go, or null
    pid_t parent;
    int failure = 0;

    template <class Launcher>
    process_v2::error_code on_setup(Launcher& launcher, const process_v2::filesystem::path&, const char* const*&) {
        launcher.env = environment.data();
        for (int fd = 3; fd < static_cast<int>(sources.size()); ++fd) launcher.fd_whitelist.push_back(fd);
        return {};
    }

    template <class Launcher>
    process_v2::error_code on_exec_setup(Launcher&, const process_v2::filesystem::path&, const char* const*&) {
        prepare();
        return {};
    }

    template <class Launcher>
    void on_exec_error(Launcher&, const process_v2::filesystem::path&, const char* const*&,
                       const process_v2::error_code& error) {
        fail(error.value());
    }

private:
    [[noreturn]] void fail(int number) {
        failure = number == 0 ? EINVAL : number;
        ::_exit(127);
    }

    void prepare() {
        ::setpgid(0, 0);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(127);  // it died before we asked to die with it
        place_descriptors();
        ::setrlimit(RLIMIT_NOFILE, &inherited_descriptor_limit);
        if (!request.directory.empty() && ::chdir(request.directory.c_str()) != 0) fail(errno);
        if (listen_pid) write_number(listen_pid, ::getpid());
        default_signals();
    }

    /// Moves each source out of the way first: a source may stand where another has to go.
    void place_descriptors() {
        int moved[16];
        const int count = static_cast<int>(sources.size());
        for (int i = 0; i < count; ++i) {
            moved[i] = ::fcntl(sources[i], F_DUPFD_CLOEXEC, count);
            if (moved[i] < 0) fail(errno);
        }
        for (int i = 0; i < count; ++i) {
            if (::dup2(moved[i], i) < 0) fail(errno);
        }
    }

    static void default_signals() {
        struct sigaction action {};
        action.sa_handler = SIG_DFL;
        for (int number = 1; number < NSIG; ++number) ::sigaction(number, &action, nullptr);
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
    }

    static void write_number(char* end_of_field, pid_t number) {
        char digits[16];
        int n = 0;
        for (; number > 0; number /= 10) digits[n++] = static_cast<char>('0' + number % 10);
        while (n > 0) *end_of_field++ = digits[--n];
        *end_of_field = 0;
    }
};

class posix_process final : public process {
public:
    posix_process(asio::any_io_executor executor, pid_t pid, int pidfd) : pid_(pid), pidfd_(executor, pidfd) {
        adopt_child(pid);
    }

    ~posix_process() override {
        if (reaped_) return;
        kill_group();
        ::waitpid(pid_, nullptr, 0);
        forget_child(pid_);
    }

    pid_t pid() const override { return pid_; }

    awaitable<bool> ended_before(timer& alarm) override {
        if (is_dead()) co_return true;
        auto either = asio::experimental::make_parallel_group(
            pidfd_.async_wait(asio::posix::stream_descriptor::wait_read, asio::deferred), alarm.async_wait(asio::deferred));
        co_await either.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
        auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none) throw system_error(asio::error::operation_aborted);
        co_return is_dead();
    }

    void signal(int number) override {
        if (!reaped_) ::syscall(SYS_pidfd_send_signal, pidfd_.native_handle(), number, nullptr, 0);
    }

    void kill_group() override {
        if (!reaped_) ::kill(-pid_, SIGKILL);
        signal(SIGKILL);  // it may not have reached its own group yet
    }

    exit_status reap() override {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        reaped_ = true;
        forget_child(pid_);
        return exit_status::from_wait(status);
    }

private:
    bool is_dead() {
        pollfd p{pidfd_.native_handle(), POLLIN, 0};
        return ::poll(&p, 1, 0) > 0;
    }

    pid_t pid_;
    asio::posix::stream_descriptor pidfd_;
    bool reaped_ = false;
};

/// The file that execvp would run: command[0] itself where it has a slash, else the first match in PATH.
std::variant<std::string, launch_error> find_program(const launch_request& request) {
    const std::string& name = request.command.front();
    if (name.find('/') != std::string::npos) return name;
    std::string_view path = "/usr/local/bin:/usr/bin:/bin";
    for (const std::string& entry : request.environment) {
        if (entry.starts_with("PATH=")) path = std::string_view(entry).substr(5);
    }
    int failure = ENOENT;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find(':'), path.size());
        std::string candidate(path.substr(0, end));
        if (!candidate.empty() && candidate.back() != '/') candidate += '/';
        candidate += name;
        if (::access(candidate.c_str(), X_OK) == 0) return candidate;
        if (errno == EACCES) failure = EACCES;
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    launch_error error = error_from(failure);
    error.text = name + ": " + error.text;
    return error;
}

struct pipe_ends {
    unique_fd ours, theirs;
};

std::variant<pipe_ends, launch_error> make_pipe() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) return error_from(errno);
    ::fcntl(fds[0], F_SETFL, O_NONBLOCK);  // ours alone: each end has a description of its own
    return pipe_ends{unique_fd(fds[0]), unique_fd(fds[1])};
}

std::variant<pipe_ends, launch_error> make_channel() {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) return error_from(errno);
    return pipe_ends{unique_fd(fds[0]), unique_fd(fds[1])};
}

}  // namespace

posix_launcher::posix_launcher(asio::any_io_executor executor)
    : executor_(std::move(executor)), null_(::open("/dev/null", O_RDWR | O_CLOEXEC)) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    raise_descriptor_limit();
}

std::variant<std::unique_ptr<process>, launch_error> posix_launcher::launch(const launch_request& request) {
    auto program = find_program(request);
    if (auto* error = std::get_if<launch_error>(&program)) return std::move(*error);
    auto channel = make_channel();
    if (auto* error = std::get_if<launch_error>(&channel)) return std::move(*error);
    auto output = make_pipe();
    if (auto* error = std::get_if<launch_error>(&output)) return std::move(*error);
    auto error_output = make_pipe();
    if (auto* error = std::get_if<launch_error>(&error_output)) return std::move(*error);
    auto& [ours, theirs] = std::get<pipe_ends>(channel);
    auto& out = std::get<pipe_ends>(output);
    auto& err = std::get<pipe_ends>(error_output);

    std::vector<int> sources{null_.get(), out.theirs.get(), err.theirs.get()};
    sources.insert(sources.end(), request.listening.begin(), request.listening.end());
    sources.push_back(theirs.get());
    if (sources.size() > 16) return launch_error{"EMFILE", "too many listening sockets for one child"};

    const std::string channel_variable = "NODE_CHANNEL_FD=" + std::to_string(sources.size() - 1);
    const std::string listen_fds = "LISTEN_FDS=" + std::to_string(request.listening.size());
    std::string listen_pid = "LISTEN_PID=" + std::string(16, '\0');
    std::vector<const char*> environment;
    for (const std::string& entry : request.environment) environment.push_back(entry.c_str());
    environment.push_back(channel_variable.c_str());
    if (!request.listening.empty()) {
        environment.push_back(listen_fds.c_str());
        environment.push_back(listen_pid.c_str());
    }
    environment.push_back(nullptr);

    child_setup setup{request, sources, environment,
                      request.listening.empty() ? nullptr : listen_pid.data() + std::strlen("LISTEN_PID="), ::getpid()};
    // A context of its own: the launcher tells the context of a fork, in the child, which shares our memory. The real
    // one would throw away its epoll descriptor there; this one has none yet.
    asio::io_context launching(1);
    process_v2::error_code error;
    const process_v2::filesystem::path executable(std::get<std::string>(program));
    std::vector<const char*> arguments;
    for (const std::string& argument : request.command) arguments.push_back(argument.c_str());
    arguments.push_back(nullptr);
    process_v2::posix::vfork_launcher launch;
    auto started = [&] {
        signals_blocked blocked;
        return launch(launching.get_executor(), error, executable, arguments.data(), setup);
    }();
    const int pidfd = error ? -1 : static_cast<int>(::syscall(SYS_pidfd_open, launch.pid, 0));
    const int no_pidfd = errno;
    started.detach();
    if (pidfd < 0 || setup.failure != 0) {
        if (launch.pid > 0) {
            ::kill(launch.pid, SIGKILL);
            ::waitpid(launch.pid, nullptr, 0);
        }
        launch_error failed = error_from(setup.failure != 0 ? setup.failure : error ? error.value() : no_pidfd);
        failed.text = request.command.front() + ": " + failed.text;
        return failed;
    }
    auto result = std::make_unique<posix_process>(executor_, launch.pid, pidfd);
    result->channel = std::move(ours);
    result->output = std::move(out.ours);
    result->error = std::move(err.ours);
    return std::unique_ptr<process>(std::move(result));
}

bool posix_launcher::end_descendants(const std::string& address) { return kill_descendants(address); }

}  // namespace supe
