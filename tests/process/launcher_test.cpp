// Starting real processes: what a child gets, how starts fail, and that nothing is left of those
// that do.
#include "supe/process/posix_launcher.hpp"
#include "tests/support/real_tree.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>

using namespace std::chrono_literals;
using supe::exit_status;
using supe::launch_error;
using supe::launch_request;

namespace {

launch_request request_of(std::vector<std::string> command, std::string directory = {},
                          bool notify = false) {
    launch_request request;
    request.command = std::move(command);
    request.directory = std::move(directory);
    request.environment = {"PATH=/usr/bin:/bin"};
    request.notify = notify;
    return request;
}

struct fixture {
    support::event_loop loop;
    supe::posix_launcher launcher{loop.io.get_executor()};
    support::temporary_directory tmp;

    /// Of a start that must fail: `CODE: text`.
    std::string error_of(const launch_request& request) {
        auto started = launcher.launch(request);
        const auto* error = std::get_if<launch_error>(&started);
        return error ? error->code + ": " + error->text : "(started)";
    }
    std::string error_of(const std::string& command) { return error_of(request_of({command})); }

    exit_status status_of(const std::string& script) {
        auto started = launcher.launch(request_of({"sh", "-c", script}));
        auto& process = *std::get<0>(started);
        std::optional<exit_status> status;
        supe::nursery tasks(loop.time);
        tasks.start([](supe::process& p, supe::clock& time,
                       std::optional<exit_status>& out) -> supe::awaitable<> {
            supe::timer alarm(time);
            while (!p.is_dead()) {
                p.watch(alarm);
                co_await alarm.wait();
            }
            out = p.reap();
        }(process, loop.time, status));
        BOOST_REQUIRE(loop.until([&] { return tasks.size() == 0; }, 20s));
        return *status;
    }

    std::string file(const std::string& name, const std::string& text, mode_t mode) {
        std::ofstream(tmp / name) << text;
        ::chmod((tmp / name).c_str(), mode);
        return (tmp / name).string();
    }
};

/// What `work` returns in a process of its own, that it may ruin.
int in_fork(const std::function<int()>& work) {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(work());
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(launcher, fixture)

// Each reason why a program cannot be run has errno's name and a text that names the culprit, not
// only the command.
BOOST_AUTO_TEST_CASE(failed_starts_say_why) {
    const std::string here = tmp.path().string();
    BOOST_TEST(error_of("/nowhere/web") == "ENOENT: /nowhere/web: No such file or directory");
    BOOST_TEST(error_of("no-such-command") == "ENOENT: no-such-command: No such file or directory");
    BOOST_TEST(error_of(here) == fmt::format("EACCES: {}: Permission denied", here));
    const std::string plain = file("plain", "#!/bin/sh\n", 0644);
    BOOST_TEST(error_of(plain) == fmt::format("EACCES: {}: Permission denied", plain));
    const std::string script = file("script", "#!/no/interpreter\n", 0755);
    BOOST_TEST(
        error_of(script) ==
        fmt::format(
            "ENOENT: {}: No such file or directory (the interpreter that its first line names)",
            script));
    const std::string rubbish = file("rubbish", "\1\2\3", 0755);
    BOOST_TEST(error_of(rubbish) == fmt::format("ENOEXEC: {}: Exec format error", rubbish));
    BOOST_TEST(error_of(request_of({"sh"}, "/nowhere")) ==
               "ENOENT: /nowhere: No such file or directory");
    BOOST_TEST(error_of(request_of({"sh", std::string(200'000, 'x')})) ==
               "E2BIG: sh: Argument list too long (command and environment together)");
}

// PATH is searched as execvp does: past directories and what is not executable, and relative to the
// child's directory.
BOOST_AUTO_TEST_CASE(commands_are_found) {
    std::filesystem::create_directories(tmp / "a/tool");
    std::filesystem::create_directories(tmp / "b");
    file("b/tool", "#!/bin/sh\nexit 7\n", 0755);
    launch_request request = request_of({"tool"}, tmp.path().string());
    request.environment = {"PATH=a:b"};
    BOOST_TEST(error_of(request) == "(started)");
    request.environment = {"PATH=a"};
    BOOST_TEST(error_of(request) == "EACCES: tool: Permission denied");
    request.environment = {"PATH="};
    BOOST_TEST(error_of(request) == "ENOENT: tool: No such file or directory");
    BOOST_TEST(error_of(request_of({"./tool"}, (tmp / "b").string())) == "(started)");
}

// Exit code and signal are told apart, also where the numbers are the same.
BOOST_AUTO_TEST_CASE(code_and_signal) {
    BOOST_TEST((status_of("exit 9") == exit_status::exited(9)));
    BOOST_TEST((status_of("exit 137") == exit_status::exited(137)));
    BOOST_TEST((status_of("kill -KILL $$") == exit_status::killed(SIGKILL)));
    BOOST_TEST((status_of("kill -TERM $$") == exit_status::killed(SIGTERM)));
    BOOST_TEST((status_of("ulimit -c 0; kill -SEGV $$") == exit_status::killed(SIGSEGV, false)));
}

// Whatever fails, and however often: no descriptor of ours is left, and no process.
BOOST_AUTO_TEST_CASE(failures_leave_nothing) {
    const std::string script = file("script", "#!/no/interpreter\n", 0755);
    const auto fail_all = [&] {
        error_of("/nowhere/web");
        error_of(script);
        error_of(request_of({"sh"}, "/nowhere", true));
        error_of(request_of({"sh", std::string(200'000, 'x')}, {}, true));
    };
    fail_all();
    const std::size_t before = support::open_descriptors();
    for (int i = 0; i < 20; ++i) fail_all();
    BOOST_TEST(support::open_descriptors() == before);
    BOOST_TEST(::waitpid(-1, nullptr, WNOHANG) == -1);
}

// Out of descriptors at each point of a start: EMFILE each time, nothing is left, and with room
// again it starts.
BOOST_AUTO_TEST_CASE(out_of_descriptors) {
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const launch_request request = request_of({"/bin/true"}, {}, true);
    error_of(request);                     // the event loop opens its own with the first process
    std::vector<supe::unique_fd> fillers;  // the limit is one of numbers: no low one may be free
    do fillers.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    while (fillers.back().get() < 100);
    const std::size_t open = support::open_descriptors();
    std::string last;
    int failed = 0;
    for (rlim_t room = 1; room < 40 && last != "(started)"; ++room) {
        const rlimit low{100 + room, before.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &low);
        last = error_of(request);
        ::setrlimit(RLIMIT_NOFILE, &before);
        if (last != "(started)") BOOST_TEST(last.starts_with("EMFILE: "), last);
        failed += last != "(started)";
        BOOST_TEST(support::open_descriptors() == open);
    }
    BOOST_TEST(last == "(started)");
    BOOST_TEST(failed >= 6);
    BOOST_TEST(::waitpid(-1, nullptr, WNOHANG) == -1);
}

// Out of processes: EAGAIN, an ordinary failure too. Root has no such limit, so another user tries.
BOOST_AUTO_TEST_CASE(out_of_processes) {
    const int result = in_fork([&] {
        const rlimit none{1, 1};
        if (::setrlimit(RLIMIT_NPROC, &none) != 0) return 1;
        if (::getuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) return 2;
        const std::size_t open = support::open_descriptors();
        if (error_of("/bin/true") != "EAGAIN: /bin/true: Resource temporarily unavailable")
            return 3;
        return support::open_descriptors() == open ? 0 : 4;
    });
    BOOST_TEST(result == 0);
}

// A child has 0, 1, 2, its listening sockets from 3, its channel behind them, and nothing else; a
// group of its own; and the signals that a program expects, whatever we did to ours.
BOOST_AUTO_TEST_CASE(what_a_child_gets) {
    const supe::unique_fd ours(::open("/dev/null", O_RDONLY));  // inheritable by mistake
    std::signal(SIGPIPE, SIG_IGN);
    support::real_tree tree(
        loop, support::tree_of(
                  {support::helper("plain", "inventory", R"("restart": "temporary")"),
                   support::helper(
                       "web", "inventory",
                       R"("restart": "temporary", "listen": ["127.0.0.1:0", "127.0.0.1:0"])")}));
    for (const char* line : {"[plain] descriptors 0 1 2 3", "[plain] group own",
                             "[plain] signals default", "[web] descriptors 0 1 2 3 4 5"})
        BOOST_TEST(tree.prints(line), line);
    std::signal(SIGPIPE, SIG_DFL);
}

BOOST_AUTO_TEST_SUITE_END()
