// The only file that sees Boost.Process; it is compiled here too.
#include "supe/process/posix_launcher.hpp"

#include "supe/process/posix_process.hpp"
#include "supe/process/program_path.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/optional.hpp>     // 1.81's Process names these without including them
#include <boost/type_traits.hpp>
#include <boost/process/v2/process.hpp>
#include <boost/process/v2/posix/vfork_launcher.hpp>
#include <boost/process/v2/src.hpp>

#include <csignal>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace supe {
namespace {

namespace process_v2 = boost::process::v2;

constexpr std::size_t max_sources = 16;                   // descriptors that a child begins with
constexpr int descriptors_of_a_start = 4;                // Boost.Process's pidfd, and the event loop that it wants for it
constexpr std::chrono::milliseconds reap_interval{100};   // between two looks for dead orphans

rlimit inherited_descriptor_limit{};

void raise_descriptor_limit() {
    if (inherited_descriptor_limit.rlim_max != 0) return;
    ::getrlimit(RLIMIT_NOFILE, &inherited_descriptor_limit);
    rlimit raised = inherited_descriptor_limit;
    raised.rlim_cur = raised.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &raised);
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

/// A child's environment, with what only the launcher knows.
struct child_environment {
    std::deque<std::string> added;      // stay where they are
    std::deque<std::string> with_pid;   // end in room for the child's own pid
    std::vector<const char*> entries;

    child_environment(const launch_request& request, int channel_fd, const std::string& notify_name) {
        added.push_back("NODE_CHANNEL_FD=" + std::to_string(channel_fd));
        if (!request.listening.empty()) {
            added.push_back("LISTEN_FDS=" + std::to_string(request.listening.size()));
            std::string names = "LISTEN_FDNAMES=" + request.listening_name;
            for (std::size_t i = 1; i < request.listening.size(); ++i) names += ":" + request.listening_name;
            added.push_back(std::move(names));
            with_pid.push_back("LISTEN_PID=" + std::string(16, '\0'));
        }
        if (request.notify) added.push_back("NOTIFY_SOCKET=" + notify_name);
        if (request.watchdog) {
            added.push_back("WATCHDOG_USEC=" + std::to_string(request.watchdog->count()));
            with_pid.push_back("WATCHDOG_PID=" + std::string(16, '\0'));
        }
        for (const std::string& entry : request.environment) entries.push_back(entry.c_str());
        for (const std::string& entry : added) entries.push_back(entry.c_str());
        for (const std::string& entry : with_pid) entries.push_back(entry.c_str());
        entries.push_back(nullptr);
    }
};

/// Boost.Process's initializer: what happens between vfork and exec. The child runs in our memory, so it only makes
/// system calls and writes to what was set aside for it, and never returns into our code or our destructors.
struct child_setup {
    const launch_request& request;
    const std::vector<int>& sources;   // what becomes descriptor 0, 1, 2, …
    child_environment& environment;
    pid_t parent;
    int failure = 0;
    bool failed_in_directory = false;

    template <class Launcher>
    process_v2::error_code on_setup(Launcher& launcher, const process_v2::filesystem::path&, const char* const*&) {
        launcher.env = environment.entries.data();
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

    /// Boost 1.81 asks for the hook above with these arguments, and does not call it where this is missing: then a failed
    /// exec would run our exit handlers in the child, that is in our memory.
    template <class Launcher>
    void on_exec_error(Launcher&, const process_v2::error_code&, const process_v2::filesystem::path&, const char* const*&,
                       const process_v2::error_code&);

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
        if (!request.directory.empty() && ::chdir(request.directory.c_str()) != 0) {
            failed_in_directory = true;
            fail(errno);
        }
        for (std::string& entry : environment.with_pid) write_number(&entry[entry.find('=') + 1], ::getpid());
        default_signals();
    }

    /// Moves each source out of the way first: a source may stand where another has to go.
    void place_descriptors() {
        int moved[max_sources];
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

struct pipe_ends {
    unique_fd ours, theirs;
};

std::variant<pipe_ends, launch_error> make_pipe() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) return launch_error::from_errno(errno, "pipe");
    ::fcntl(fds[0], F_SETFL, O_NONBLOCK);  // ours alone: each end has a description of its own
    return pipe_ends{unique_fd(fds[0]), unique_fd(fds[1])};
}

std::variant<pipe_ends, launch_error> make_channel() {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) return launch_error::from_errno(errno, "socketpair");
    return pipe_ends{unique_fd(fds[0]), unique_fd(fds[1])};
}

/// What a child is given, and our ends of it. All of it closes itself where something fails.
struct connections {
    pipe_ends channel, output, error;
    notify_socket notify;
};

std::variant<connections, launch_error> connect(const launch_request& request) {
    connections made;
    for (auto* where : {&made.channel, &made.output, &made.error}) {
        auto ends = where == &made.channel ? make_channel() : make_pipe();
        if (auto* failed = std::get_if<launch_error>(&ends)) return std::move(*failed);
        *where = std::move(std::get<pipe_ends>(ends));
    }
    if (request.notify) {
        made.notify = notify_socket::open();
        if (!made.notify) return launch_error::from_errno(errno, "NOTIFY_SOCKET");
    }
    return made;
}

struct launched {
    pid_t pid = -1;
    int failure = 0;  // errno; the process, if there was one, is gone
};

/// True when so many descriptors can be had. Looked at before a start: where Boost.Process runs out of them in the middle
/// of one, the program runs already, and a descriptor is lost.
bool has_room_for(int count, int any_descriptor) {
    std::vector<unique_fd> held;
    for (int i = 0; i < count; ++i) {
        held.emplace_back(::fcntl(any_descriptor, F_DUPFD_CLOEXEC, 0));
        if (!held.back()) return false;  // errno is that of fcntl: closing does not change it
    }
    return true;
}

void kill_at_once(pid_t pid) {
    ::kill(-pid, SIGKILL);
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
}

/// Runs the program. Where it fails no process is left.
launched run_program(const launch_request& request, const std::string& program, child_setup& setup) {
    std::vector<const char*> arguments;
    for (const std::string& argument : request.command) arguments.push_back(argument.c_str());
    arguments.push_back(nullptr);
    const process_v2::filesystem::path executable(program);
    process_v2::posix::vfork_launcher launch;
    launch.pid = -1;
    process_v2::error_code error;
    try {
        // A context of its own: the launcher tells the context of a fork, in the child, which shares our memory. The real
        // one would throw away its epoll descriptor there; this one has none yet.
        asio::io_context launching(1);
        signals_blocked blocked;
        auto started = launch(launching.get_executor(), error, executable, arguments.data(), setup);
        started.detach();
    } catch (const system_error& e) {  // it runs, and Boost.Process found no descriptor to hold it by
        error = e.code();
    }
    const int failure = setup.failure != 0 ? setup.failure : error.value();
    if (failure != 0 && launch.pid > 0) kill_at_once(launch.pid);
    return {launch.pid, failure};
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
    auto connected = connect(request);
    if (auto* error = std::get_if<launch_error>(&connected)) return std::move(*error);
    auto& ends = std::get<connections>(connected);

    std::vector<int> sources{null_.get(), ends.output.theirs.get(), ends.error.theirs.get()};
    sources.insert(sources.end(), request.listening.begin(), request.listening.end());
    sources.push_back(ends.channel.theirs.get());
    if (sources.size() > max_sources) return launch_error{"EMFILE", "too many listening sockets for one child"};
    if (!has_room_for(descriptors_of_a_start, null_.get())) return launch_error::from_errno(errno, request.command.front());
    child_environment environment(request, static_cast<int>(sources.size()) - 1, ends.notify.name());
    child_setup setup{request, sources, environment, ::getpid()};

    const auto [pid, failure] = run_program(request, std::get<std::string>(program), setup);
    if (failure != 0 && setup.failed_in_directory) return launch_error::from_errno(failure, request.directory);
    if (failure != 0) return exec_error(request, std::get<std::string>(program), failure);
    unique_fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    try {
        if (!pidfd) throw system_error(errno, boost::system::system_category());
        auto result = std::make_unique<posix_process>(executor_, pid, std::move(pidfd), std::move(ends.notify));
        result->channel = std::move(ends.channel.ours);
        result->output = std::move(ends.output.ours);
        result->error = std::move(ends.error.ours);
        return std::unique_ptr<process>(std::move(result));
    } catch (const system_error& e) {
        kill_at_once(pid);
        return launch_error::from_errno(e.code().value(), request.command.front());
    }
}

// --- descendants --------------------------------------------------------------------------------------------------

void posix_launcher::look() {
    ++looks_;
    orphans_ = look_for_orphans();
}

awaitable<bool> posix_launcher::end_descendants(std::string address) {
    // What was an orphan when this began is in any look that begins later: one is enough for all who wait for it here.
    const std::uint64_t before = looks_;
    co_await asio::post(executor_, asio::use_awaitable);
    if (looks_ == before) look();
    co_return kill_below(orphans_, address);
}

awaitable<> posix_launcher::reap_orphans(clock& time) {
    asio::signal_set ended(executor_, SIGCHLD);
    for (;;) {
        co_await ended.async_wait(asio::use_awaitable);
        look();
        co_await time.sleep_for(reap_interval);
    }
}

}  // namespace supe
