// The child of the benchmarks, linked statically so that it starts quickly. It reports its time of
// start and its pid, and waits. `loop`: the floor of every supervisor, which starts another copy of
// itself whenever the last one ends. `many N`: starts N copies of itself, one after the other, and
// waits.
//
// It writes its report, a bench::birth, to $BENCH_FIFO, if that is set.
#include "tests/bench/birth.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <cstring>

extern char** environ;

namespace {

/// In a session of its own, as supe starts each child (contract §5).
pid_t start_one(char* program) {
    char* arguments[] = {program, nullptr};
    posix_spawnattr_t own_session;
    ::posix_spawnattr_init(&own_session);
    ::posix_spawnattr_setflags(&own_session, POSIX_SPAWN_SETSID);
    pid_t pid = 0;
    if (::posix_spawn(&pid, program, nullptr, &own_session, arguments, environ) != 0) std::exit(1);
    ::posix_spawnattr_destroy(&own_session);
    return pid;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::strcmp(argv[1], "loop") == 0) {
        for (;;) ::waitpid(start_one(argv[0]), nullptr, 0);
    }
    if (argc > 2 && std::strcmp(argv[1], "many") == 0) {
        for (int n = std::atoi(argv[2]); n > 0; --n) start_one(argv[0]);
        ::pause();
    }
    const bench::birth now{bench::monotonic_ns(), ::getpid()};
    const pid_t parent = ::getppid();
    if (const char* fifo = std::getenv("BENCH_FIFO")) {
        const int fd = ::open(fifo, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || ::write(fd, &now, sizeof now) != sizeof now) return 1;
        ::close(fd);
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);   // the children of a loop end with it
    if (::getppid() != parent) return 0;  // the parent ended at once after our report
    for (;;) ::pause();
}
