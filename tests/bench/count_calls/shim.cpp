// Loaded before the C library (LD_PRELOAD): counts what the process does in a file that the
// benchmark reads (tests/bench/call_counts.hpp). A call is counted, and passed on to the C library.
#include "tests/bench/call_counts.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

extern "C" {  // of glibc: dlsym would allocate before malloc is known
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}

namespace {

bench::call_counts before_the_file;
bench::call_counts* counts = &before_the_file;

void add(std::uint64_t& count, std::uint64_t n = 1) {
    __atomic_fetch_add(&count, n, __ATOMIC_RELAXED);
}

[[gnu::constructor]] void map_the_file() {
    const char* directory = std::getenv(bench::counts_variable);
    if (!directory) return;
    char name[4096];
    std::snprintf(name, sizeof name, "%s/%d", directory, static_cast<int>(::getpid()));
    const int fd = ::open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ::ftruncate(fd, sizeof(bench::call_counts)) != 0) return;
    void* const mapped =
        ::mmap(nullptr, sizeof(bench::call_counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    if (mapped != MAP_FAILED) counts = static_cast<bench::call_counts*>(mapped);
}

/// The next function of this name, for a type like that of `ours`.
template <class F>
F* next(F*, const char* name) {
    return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

bool is_channel(int fd) {
    int domain = 0;
    socklen_t size = sizeof domain;
    return ::syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
           domain == AF_UNIX;
}

void count_frames(int fd, const void* bytes, ssize_t n) {
    if (n <= 0 || !is_channel(fd)) return;
    add(counts->channel_bytes, static_cast<std::uint64_t>(n));
    std::uint64_t ends = 0;
    for (ssize_t i = 0; i < n; ++i) ends += static_cast<const char*>(bytes)[i] == '\n';
    add(counts->frames, ends);
}

using copier = void*(void*, const void*, std::size_t);

/// Until the next copier is known: dlsym copies too.
void* copy_slowly(void* to, const void* from, std::size_t n) {
    auto* out = static_cast<volatile char*>(to);
    const auto* in = static_cast<const volatile char*>(from);
    const bool backwards = out > in && out < in + n;
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t at = backwards ? n - 1 - i : i;
        out[at] = in[at];
    }
    return to;
}

void* copy(const char* name, copier*& known, void* to, const void* from, std::size_t n) {
    add(counts->copied_bytes, n);
    if (!known) {
        known = copy_slowly;
        known = reinterpret_cast<copier*>(::dlsym(RTLD_NEXT, name));
    }
    return known(to, from, n);
}

}  // namespace

#define COUNTED(result, name, parameters, arguments)       \
    extern "C" result name parameters {                    \
        static auto* const passed_on = next(&name, #name); \
        add(counts->system_calls);                         \
        return passed_on arguments;                        \
    }

COUNTED(int, epoll_wait, (int fd, epoll_event* e, int n, int ms), (fd, e, n, ms))
COUNTED(ssize_t, recv, (int fd, void* to, std::size_t n, int flags), (fd, to, n, flags))
COUNTED(ssize_t, recvmsg, (int fd, msghdr* m, int flags), (fd, m, flags))
COUNTED(ssize_t, sendmsg, (int fd, const msghdr* m, int flags), (fd, m, flags))
COUNTED(ssize_t, read, (int fd, void* to, std::size_t n), (fd, to, n))
COUNTED(ssize_t, write, (int fd, const void* from, std::size_t n), (fd, from, n))
COUNTED(ssize_t, pread64, (int fd, void* to, std::size_t n, off64_t at), (fd, to, n, at))
COUNTED(ssize_t, pwrite64, (int fd, const void* from, std::size_t n, off64_t at), (fd, from, n, at))
COUNTED(int, fsync, (int fd), (fd))
COUNTED(int, fdatasync, (int fd), (fd))
COUNTED(int, poll, (pollfd * all, nfds_t n, int ms), (all, n, ms))

extern "C" {

int epoll_ctl(int fd, int what, int of, epoll_event* e) noexcept {
    static auto* const passed_on = next(&epoll_ctl, "epoll_ctl");
    add(counts->system_calls);
    return passed_on(fd, what, of, e);
}

int timerfd_settime(int fd, int flags, const itimerspec* to, itimerspec* was) noexcept {
    static auto* const passed_on = next(&timerfd_settime, "timerfd_settime");
    add(counts->system_calls);
    return passed_on(fd, flags, to, was);
}

ssize_t send(int fd, const void* from, std::size_t n, int flags) {
    static auto* const passed_on = next(&send, "send");
    add(counts->system_calls);
    const ssize_t sent = passed_on(fd, from, n, flags);
    count_frames(fd, from, sent);
    return sent;
}

/// Each of its commands takes a word or nothing.
int fcntl64(int fd, int what, ...) {
    std::va_list more;
    va_start(more, what);
    void* const word = va_arg(more, void*);
    va_end(more);
    static auto* const passed_on = next(&fcntl64, "fcntl64");
    add(counts->system_calls);
    return passed_on(fd, what, word);
}
}  // extern "C"

extern "C" {

void* malloc(std::size_t n) {
    add(counts->allocations);
    return __libc_malloc(n);
}
void* calloc(std::size_t n, std::size_t size) {
    add(counts->allocations);
    return __libc_calloc(n, size);
}
void* realloc(void* was, std::size_t n) {
    add(counts->allocations);
    return __libc_realloc(was, n);
}
void* aligned_alloc(std::size_t to, std::size_t n) {
    add(counts->allocations);
    return __libc_memalign(to, n);
}

void* memcpy(void* to, const void* from, std::size_t n) {
    static copier* known = nullptr;
    return copy("memcpy", known, to, from, n);
}
void* memmove(void* to, const void* from, std::size_t n) {
    static copier* known = nullptr;
    return copy("memmove", known, to, from, n);
}
}
