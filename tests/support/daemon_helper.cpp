// The role `daemons` of process tests: a child whose daemons do all they can to get away from it.
// SUPE_TEST_ROLE chooses it, before main.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>

namespace {

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

void say(const std::string& line) {
    std::puts(line.c_str());
    std::fflush(stdout);
}

/// As setproctitle does: where /proc/PID/environ looks there is nothing left.
void wipe_environment() {
    for (char** entry = environ; *entry; ++entry) std::memset(*entry, 0, std::strlen(*entry));
    ::clearenv();
    ::prctl(PR_SET_NAME, "innocent");
}

void close_all() {
    for (int fd = 0; fd < 100; ++fd) ::close(fd);
}

[[noreturn]] void wait_for_ever() {
    for (;;) ::pause();
}

/// Its parent ends at once, each time; with a session of its own, each time.
[[noreturn]] void hop() {
    for (;;) {
        if (::fork() > 0) ::_exit(0);
        ::setsid();
    }
}

/// Runs in the daemon. It leaves a lock on the file NAME behind, which its forks share.
[[noreturn]] void become(const std::string& name) {
    const std::string file = variable("SUPE_TEST_FOLDER") + "/" + name;
    const int lock = ::open(file.c_str(), O_RDWR | O_CREAT, 0600);
    ::flock(lock, LOCK_EX);
    ::fcntl(lock, F_DUPFD, 200);
    say(name + " " + std::to_string(::getpid()));
    if (name.starts_with("unmarked") || name.starts_with("relimited")) {  // as `su -` does
        rlimit none{RLIM_INFINITY, RLIM_INFINITY};
        ::setrlimit(RLIMIT_LOCKS, &none);
    }
    if (name.starts_with("unmarked")) ::prctl(PR_SET_TIMERSLACK, 50'000);
    wipe_environment();
    close_all();
    if (name.starts_with("hopper")) hop();
    wait_for_ever();
}

/// Forks twice, with a session in between.
void daemonise(const std::string& name) {
    const pid_t between = ::fork();
    if (between > 0) {
        ::waitpid(between, nullptr, 0);
        return;
    }
    ::setsid();
    if (::fork() > 0) ::_exit(0);
    become(name);
}

const int chosen = [] {
    if (variable("SUPE_TEST_ROLE") != "daemons") return 0;
    std::istringstream names(variable("SUPE_TEST_DAEMONS"));
    for (std::string name; names >> name;) daemonise(name);
    say("up");
    wait_for_ever();
}();

}  // namespace
