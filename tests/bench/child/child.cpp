// The child of the benchmarks, linked statically so that its start is next to nothing: says when it
// began and who it is, and waits. With `loop`: the floor of every supervisor, which starts another
// of itself whenever the last one ends. With `many N`: starts N of itself, one after the other, and
// waits.
//
// $BENCH_FIFO: where it says so, as a bench::birth; without it it says nothing.
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

pid_t start_one(char* program) {
    char* arguments[] = {program, nullptr};
    pid_t pid = 0;
    if (::posix_spawn(&pid, program, nullptr, nullptr, arguments, environ) != 0) std::exit(1);
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
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);   // those below a loop have nobody else to end them
    if (::getppid() != parent) return 0;  // it was ended as soon as it had heard of us
    for (;;) ::pause();
}
