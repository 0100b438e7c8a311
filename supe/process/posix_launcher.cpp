// How a process is started:
//
// 1. connect() makes the channel, the output pipes and the notify socket. passed_descriptors
//    dup3()s what the child gets (/dev/null, pipes, listening sockets, channel) to low numbers that
//    are reserved for it.
// 2. clone_launcher starts it as vfork does: the child has our memory, and this thread stands still
//    until its execve. So a start takes the same time with any heap. It also shares our table of
//    descriptors at first, which is not copied then.
// 3. child_setup runs in the child: session, descriptors, limits, marks, user, death signal,
//    directory, signals. It makes system calls only. An error is left in `failure`, where the
//    parent reads it.
// 4. The kernel makes the pidfd with the process, so its end is never missed.
//
// This is the only file that sees Boost.Process.
#include "supe/process/posix_launcher.hpp"

#include "supe/async/signals_blocked.hpp"
#include "supe/process/child_environment.hpp"
#include "supe/process/life_mark.hpp"
#include "supe/process/posix_process.hpp"
#include "supe/process/program_path.hpp"

#include <boost/asio/io_context.hpp>

// Process v2 of 1.81 names these two without including them, so they come before it.
#include <boost/optional.hpp>
#include <boost/type_traits.hpp>

// All that we use is in this header. The rest is a compiled library from 1.86 on, and Debian 13 has
// none for its 1.88.
#include <boost/process/v2/posix/default_launcher.hpp>

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <span>

namespace supe {
namespace {

namespace process_v2 = boost::process::v2;

constexpr std::size_t child_stack = 64 << 10;  // bytes, used between clone and exec

rlimit inherited_descriptor_limit{};

void raise_descriptor_limit() {
    if (inherited_descriptor_limit.rlim_max != 0) return;
    ::getrlimit(RLIMIT_NOFILE, &inherited_descriptor_limit);
    rlimit raised = inherited_descriptor_limit;
    raised.rlim_cur = raised.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &raised);
}

/// Boost.Process's initializer, which runs in the child between clone and exec. The child runs in
/// our memory. So it only makes system calls and writes to memory that is set aside for it, and
/// never returns into our code or our destructors.
struct child_setup {
    const launch_request& request;
    const std::vector<int>& sources;  // these become descriptors 0, 1, 2, …; their numbers are low,
                                      // and greater than those
    child_environment& environment;
    pid_t parent;
    std::uint64_t tree;  // of the mark
    int failure = 0;
    enum class step { directory, identity, other } failed_in = step::other;

    template <class Launcher>
    process_v2::error_code on_setup(Launcher& launcher, const process_v2::filesystem::path&,
                                    const char* const*&) {
        launcher.env = environment.entries.data();
        return {};
    }

    template <class Launcher>
    process_v2::error_code on_exec_setup(Launcher&, const process_v2::filesystem::path&,
                                         const char* const*&) {
        prepare();
        return {};
    }

    [[noreturn]] void fail(int number) {
        failure = number == 0 ? EINVAL : number;
        ::_exit(127);
    }

private:
    void prepare() {
        ::setsid();
        set_descriptors();
        ::setrlimit(RLIMIT_NOFILE, &inherited_descriptor_limit);
        set_marks();
        if (request.run_as) change_user(*request.run_as);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);       // a change of user would clear it
        if (::getppid() != parent) ::_exit(127);  // the parent died before the death signal was set
        if (!request.directory.empty() && ::chdir(request.directory.c_str()) != 0)
            fail_in(step::directory);
        for (std::string& entry : environment.with_pid)
            write_number(&entry[entry.find('=') + 1], ::getpid());
        default_signals();
    }

    void fail_in(step where) {
        failed_in = where;
        fail(errno);
    }

    /// System calls of our own: those of the library would change all threads of the supervisor,
    /// whose memory this is.
    void change_user(const identity& who) {
        if (::syscall(SYS_setgroups, who.groups.size(), who.groups.data()) != 0 ||
            ::syscall(SYS_setresgid, who.group, who.group, who.group) != 0 ||
            (who.user && ::syscall(SYS_setresuid, *who.user, *who.user, *who.user) != 0))
            fail_in(step::identity);
    }

    /// Where the hard limit is lower there is no life_mark.
    void set_marks() const {
        rlimit limit{};
        ::getrlimit(RLIMIT_LOCKS, &limit);
        limit.rlim_cur = life_mark{tree, ::getpid()}.as_limit();
        ::setrlimit(RLIMIT_LOCKS, &limit);
        set_slack_mark();
    }

    /// The child shares the parent's table of descriptors until it unshares it. CLOSE_RANGE_UNSHARE
    /// copies only the low descriptors: a supervisor of thousands of children has tens of
    /// thousands, and a whole copy would have to be closed one by one.
    void set_descriptors() {
        const int count = static_cast<int>(sources.size());
        const auto behind =
            static_cast<unsigned>(*std::max_element(sources.begin(), sources.end())) + 1;
        const bool apart =
            ::close_range(behind, ~0u, CLOSE_RANGE_UNSHARE) == 0 || ::unshare(CLONE_FILES) == 0;
        if (!apart) fail(errno);
        for (int i = 0; i < count; ++i) {
            if (::dup2(sources[i], i) < 0) fail(errno);
        }
        // Also closes those that we inherited without close-on-exec.
        ::close_range(static_cast<unsigned>(count), ~0u, 0);
    }

    /// By a system call: sigaction(2) of the library leaves out two signals (32, 33) that it uses
    /// itself, and those may be ignored too by whoever started us.
    static void default_signals() {
        constexpr unsigned long plain[8] = {};  // the kernel's struct: SIG_DFL, no flags, no mask
        for (int number = 1; number < NSIG; ++number)
            ::syscall(SYS_rt_sigaction, number, plain, nullptr, NSIG / 8);
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
    ::fcntl(fds[0], F_SETFL, O_NONBLOCK);  // our end alone: each end has its own file description
    return pipe_ends{unique_fd(fds[0]), unique_fd(fds[1])};
}

/// Nothing is ever written to it, so our end needs no O_NONBLOCK.
std::variant<pipe_ends, launch_error> make_input() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) return launch_error::from_errno(errno, "pipe");
    return pipe_ends{unique_fd(fds[1]), unique_fd(fds[0])};
}

std::variant<pipe_ends, launch_error> make_channel() {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        return launch_error::from_errno(errno, "socketpair");
    return pipe_ends{unique_fd(fds[0]), unique_fd(fds[1])};
}

/// The pairs of ends of a new process, ours and the child's. Each closes itself when a later step
/// fails.
struct connections {
    pipe_ends channel, output, error;
    pipe_ends input;  // none: /dev/null
    notify_socket notify;
};

std::variant<connections, launch_error> connect(const launch_request& request) {
    connections made;
    for (auto* where : {&made.channel, &made.output, &made.error}) {
        auto ends = where == &made.channel ? make_channel() : make_pipe();
        if (auto* failed = std::get_if<launch_error>(&ends)) return std::move(*failed);
        *where = std::move(std::get<pipe_ends>(ends));
    }
    if (request.open_input) {
        auto ends = make_input();
        if (auto* failed = std::get_if<launch_error>(&ends)) return std::move(*failed);
        made.input = std::move(std::get<pipe_ends>(ends));
    }
    if (request.notify) {
        made.notify = notify_socket::open(request.notify_path);
        if (!made.notify) return launch_error::from_errno(errno, "NOTIFY_SOCKET");
    }
    if (request.run_as && request.run_as->user) {
        // So that it can open /dev/stdout and /dev/stderr again.
        for (const pipe_ends* pipe : {&made.output, &made.error})
            ::fchown(pipe->theirs.get(), *request.run_as->user, request.run_as->group);
    }
    return made;
}

/// What become descriptors 0, 1, 2, … of the child.
std::vector<int> descriptors_for(const launch_request& request, const connections& ends, int null) {
    std::vector<int> given{ends.input.theirs ? ends.input.theirs.get() : null,
                           ends.output.theirs.get(), ends.error.theirs.get()};
    given.insert(given.end(), request.listening.begin(), request.listening.end());
    if (request.channel) given.push_back(ends.channel.theirs.get());
    return given;
}

/// Duplicates the descriptors of a child to the reserved numbers, until this goes out of scope.
class passed_descriptors {
public:
    passed_descriptors(const std::vector<int>& given, std::span<const unique_fd> reserved, int null)
        : null_(null) {
        for (std::size_t i = 0; i < given.size(); ++i) {
            numbers_.push_back(reserved[i].get());
            if (::dup3(given[i], numbers_.back(), O_CLOEXEC) < 0) failure_ = errno;
        }
    }
    /// /dev/null takes their numbers again. Only the child keeps its ends open, so that we notice
    /// when it closes them.
    ~passed_descriptors() {
        for (const int number : numbers_) ::dup3(null_, number, O_CLOEXEC);
    }
    passed_descriptors(const passed_descriptors&) = delete;
    passed_descriptors& operator=(const passed_descriptors&) = delete;
    const std::vector<int>& numbers() const { return numbers_; }
    /// errno when a descriptor could not be duplicated: our limit was lowered. Else 0.
    int failure() const { return failure_; }

private:
    std::vector<int> numbers_;
    int null_;
    int failure_ = 0;
};

struct launched {
    pid_t pid = -1;
    unique_fd pidfd;
    int failure = 0;  // errno; 0: it runs its program
};

void kill_at_once(pid_t pid) {
    ::kill(-pid, SIGKILL);
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
}

/// Boost.Process's launcher with another clone. As in its vfork_launcher, the child has our memory,
/// and this thread stands still until the child runs its program. Unlike there, the child has a
/// stack of its own, and shares our table of descriptors.
struct clone_launcher : process_v2::posix::default_launcher {
    /// A pid of -1 when there is no process. The kernel makes the pidfd with the process: when no
    /// descriptor is free, nothing is started.
    launched operator()(const process_v2::filesystem::path& executable,
                        const std::vector<const char*>& arguments, child_setup& setup) {
        alignas(16) static std::array<char, child_stack> stack;
        const char* const* argv = arguments.data();
        process_v2::posix::detail::on_setup(*this, executable, argv, setup);
        child_entry entry{*this, executable, argv, setup};
        int pidfd = -1;
        constexpr int how = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_PIDFD | SIGCHLD;
        const pid_t started = ::clone(run, stack.data() + stack.size(), how, &entry, &pidfd);
        if (started < 0) return {-1, {}, errno};
        return {started, unique_fd(pidfd), setup.failure};
    }

private:
    struct child_entry {
        clone_launcher& launcher;
        const process_v2::filesystem::path& executable;
        const char* const* argv;
        child_setup& setup;
    };

    static int run(void* argument) {
        auto& [launcher, executable, argv, setup] = *static_cast<child_entry*>(argument);
        process_v2::posix::detail::on_exec_setup(launcher, executable, argv, setup);
        ::execve(executable.c_str(), const_cast<char* const*>(argv),
                 const_cast<char* const*>(launcher.env));
        setup.fail(errno);
    }
};

/// Runs the program. No process is left when it fails.
launched run_program(const launch_request& request, const std::string& program,
                     child_setup& setup) {
    std::vector<const char*> arguments;
    for (const std::string& argument : request.command) arguments.push_back(argument.c_str());
    arguments.push_back(nullptr);
    signals_blocked blocked;  // the child shares our memory: our handlers must not run in it
    // A child that changes its user makes this memory one that is not dumped: also ours.
    const int dumpable = ::prctl(PR_GET_DUMPABLE);
    clone_launcher launch;
    launched result = launch(process_v2::filesystem::path(program), arguments, setup);
    if (request.run_as) ::prctl(PR_SET_DUMPABLE, dumpable);
    if (result.failure != 0 && result.pid > 0) kill_at_once(result.pid);
    return result;
}

}  // namespace

/// A nested supervisor belongs to the tree of its own mark.
posix_launcher::posix_launcher(loop_executor executor)
    : executor_(std::move(executor)), null_(::open("/dev/null", O_RDWR | O_CLOEXEC)),
      tree_(mark_of(::getpid()).value_or(life_mark{new_tree_mark()}).tree) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    leave_alone_inherited_children();
    raise_descriptor_limit();
    for (unique_fd& number : reserved_) {
        number =
            unique_fd(::fcntl(null_.get(), F_DUPFD_CLOEXEC, static_cast<int>(reserved_.size())));
        if (!number)
            throw system_error(errno, boost::system::system_category(),
                               "descriptors for the start of processes");
    }
}

std::variant<std::unique_ptr<process>, launch_error> posix_launcher::launch(
    const launch_request& request) {
    auto program = find_program(request);
    if (auto* error = std::get_if<launch_error>(&program)) return std::move(*error);
    auto connected = connect(request);
    if (auto* error = std::get_if<launch_error>(&connected)) return std::move(*error);
    auto& ends = std::get<connections>(connected);

    const std::vector<int> given = descriptors_for(request, ends, null_.get());
    if (given.size() > reserved_.size())
        return launch_error{"EMFILE", "too many listening sockets for one child"};
    const passed_descriptors passed(given, reserved_, null_.get());
    if (passed.failure() != 0)
        return launch_error::from_errno(passed.failure(), request.command.front());
    child_environment environment(request, static_cast<int>(given.size()) - 1, ends.notify.name());
    child_setup setup{request, passed.numbers(), environment, ::getpid(), tree_};

    auto [pid, pidfd, failure] = run_program(request, std::get<std::string>(program), setup);
    if (failure != 0 && setup.failed_in == child_setup::step::directory)
        return launch_error::from_errno(failure, request.directory);
    if (failure != 0 && setup.failed_in == child_setup::step::identity)
        return launch_error::from_errno(failure, "its user and group");
    if (failure != 0) return exec_error(request, std::get<std::string>(program), failure);
    try {
        auto result = std::make_unique<posix_process>(executor_, pid, std::move(pidfd),
                                                      std::move(ends.notify));
        result->channel = std::move(ends.channel.ours);
        result->output = std::move(ends.output.ours);
        result->error = std::move(ends.error.ours);
        result->input = std::move(ends.input.ours);
        return std::unique_ptr<process>(std::move(result));
    } catch (const system_error& e) {
        kill_at_once(pid);
        return launch_error::from_errno(e.code().value(), request.command.front());
    }
}

}  // namespace supe
