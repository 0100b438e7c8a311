// The start of real processes: what a child gets, how starts fail, and that a failed start leaves
// nothing behind.
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

    /// The error of a start that must fail: `CODE: text`.
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

/// Runs `work` in a process of its own, and returns its result.
int in_fork(const std::function<int()>& work) {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(work());
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(launcher, fixture)

// Each error of a start has errno's name and a text that names the cause, not only the command.
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

// PATH is searched as by execvp: directories and files that are not executable are skipped, and
// relative entries are relative to the child's directory.
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

// Exit code and signal differ, also when the numbers are equal.
BOOST_AUTO_TEST_CASE(code_and_signal) {
    BOOST_TEST((status_of("exit 9") == exit_status::exited(9)));
    BOOST_TEST((status_of("exit 137") == exit_status::exited(137)));
    BOOST_TEST((status_of("kill -KILL $$") == exit_status::killed(SIGKILL)));
    BOOST_TEST((status_of("kill -TERM $$") == exit_status::killed(SIGTERM)));
    BOOST_TEST((status_of("ulimit -c 0; kill -SEGV $$") == exit_status::killed(SIGSEGV, false)));
}

// No failure leaves a descriptor or a process behind, however often it occurs.
BOOST_AUTO_TEST_CASE(failures_leave_nothing) {
    const std::string script = file("script", "#!/no/interpreter\n", 0755);
    const auto fail_all = [&] {
        error_of("/nowhere/web");
        error_of(script);
        error_of(request_of({"sh"}, "/nowhere", true));
        error_of(request_of({"sh", std::string(200'000, 'x')}, {}, true));
        launch_request other = request_of({"/nowhere/web"});
        other.open_input = true;
        other.channel = false;
        error_of(other);
    };
    fail_all();
    const std::size_t before = support::open_descriptors();
    for (int i = 0; i < 20; ++i) fail_all();
    BOOST_TEST(support::open_descriptors() == before);
    BOOST_TEST(::waitpid(-1, nullptr, WNOHANG) == -1);
}

// Out of descriptors at each point of a start: EMFILE each time, nothing is left behind, and with
// free descriptors it starts.
BOOST_AUTO_TEST_CASE(out_of_descriptors) {
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    launch_request request = request_of({"/bin/true"}, {}, true);
    request.open_input = true;
    error_of(request);  // the event loop opens its descriptors with the first process
    std::vector<supe::unique_fd> fillers;  // the limit is for numbers: no low one may be free
    do fillers.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    while (fillers.back().get() < 100);
    const std::size_t open = support::open_descriptors();
    std::string last;
    int failed = 0;
    for (rlim_t more = 1; more < 40 && last != "(started)"; ++more) {
        const rlimit low{100 + more, before.rlim_max};
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

// Out of processes: EAGAIN, an ordinary failure too. The test runs as another user, since root has
// no such limit.
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

// A child has the descriptors 0, 1, 2, its listening sockets from 3, its channel behind them, and
// no others; a process group and a session of its own; and default signals, whatever our own are.
BOOST_AUTO_TEST_CASE(what_a_child_gets) {
    const supe::unique_fd ours(::open("/dev/null", O_RDONLY));  // inheritable by mistake
    std::signal(SIGPIPE, SIG_IGN);
    support::real_tree tree(
        loop, support::tree_of(
                  {support::helper("plain", "inventory", R"("restart": "temporary")"),
                   support::helper(
                       "web", "inventory",
                       R"("restart": "temporary", "listen": ["127.0.0.1:0", "127.0.0.1:0"])")}));
    for (const char* line :
         {"[plain] descriptors 0 1 2 3", "[plain] group own", "[plain] session own",
          "[plain] signals default", "[web] descriptors 0 1 2 3 4 5"})
        BOOST_TEST(tree.prints(line), line);
    std::signal(SIGPIPE, SIG_DFL);
}

// `"channel": false`: a child has no socket and none of its variables, also with listening sockets.
// Mail for it waits; the stop signal comes at once, since it cannot be asked.
BOOST_AUTO_TEST_CASE(a_child_without_a_channel) {
    const std::string members = R"("channel": false, "restart": "temporary")";
    support::real_tree tree(
        loop, support::tree_of(
                  {support::helper("plain", "inventory", members),
                   support::helper("web", "inventory",
                                   members + R"(, "listen": ["127.0.0.1:0", "127.0.0.1:0"])"),
                   support::shell("sh",
                                  "env | grep -c ^NODE_CHANNEL; env | grep -c ^SUPE_ADDRESS; "
                                  "while :; do sleep 0.01; done",
                                  R"("channel": false, "shutdown": "60s")")}));
    for (const char* line :
         {"[plain] descriptors 0 1 2", "[web] descriptors 0 1 2 3 4", "[sh] 0", "[sh] 1"})
        BOOST_TEST(tree.prints(line), line);
    BOOST_TEST(tree.stop());
    BOOST_TEST(tree.last("sh-shutdown") ==
               R"({"name":"sh","exit":{"signal":"SIGTERM","core":false}})");
}

// stdin is at its end at once by default. With `"stdin": "open"` it is a pipe that does not end,
// and nobody else has; it goes with the process.
BOOST_AUTO_TEST_CASE(stdin_stays_open) {
    const std::string script = "test -p /dev/stdin && echo pipe; timeout 0.3 cat; echo $?";
    const std::string members = R"("restart": "temporary")";
    const std::string open = members + R"(, "stdin": "open")";
    support::real_tree tree(
        loop, support::tree_of({support::shell("ends", script, members),
                                support::shell("waits", script, open),
                                support::shell("reads", "readlink /proc/self/fd/0; read x", open),
                                support::shell("too", "readlink /proc/self/fd/0; read x", open)}));
    BOOST_TEST(tree.prints("[ends] 0"));
    BOOST_TEST(tree.prints("[waits] pipe"));
    BOOST_TEST(tree.prints("[waits] 124"));
    BOOST_REQUIRE(loop.until(
        [&] { return !tree.after("[reads] ").empty() && !tree.after("[too] ").empty(); }, 20s));
    BOOST_TEST(tree.after("[reads] ").starts_with("pipe:"));
    BOOST_TEST(tree.after("[reads] ") != tree.after("[too] "));
    BOOST_TEST(tree.after("[ends] pipe") == "");
    const std::size_t before = support::open_descriptors();
    tree["reads"].kill();
    BOOST_TEST(tree.sees("reads-shutdown"));
    BOOST_TEST(support::open_descriptors() < before);
}

BOOST_AUTO_TEST_SUITE_END()
