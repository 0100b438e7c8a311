// Loaded before the C library (LD_PRELOAD): appends a record of each change of a file below
// $POWER_CUT_DIRECTORY to the file $POWER_CUT_LOG. The changes themselves happen as ever; what a
// power cut would leave of them is computed from the records (disk_model.hpp). With $POWER_CUT_LIES
// set, syncs leave no record: a disk that confirms what it does not have. What the file
// $POWER_CUT_FAULTS says fails (faults.hpp).
//
// Nothing is kept between two calls: a program may close descriptors that it does not know.
#include "tests/support/power_cut/faults.hpp"
#include "tests/support/power_cut/record.hpp"

#include <fcntl.h>
#include <limits.h>
#include <linux/limits.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

using power_cut::change;
using power_cut::record;

/// Nothing of it may change errno, which belongs to the call.
struct kept_errno {
    int value = errno;
    ~kept_errno() { errno = value; }
};

bool is_watched(const char* path) {
    const char* directory = ::getenv("POWER_CUT_DIRECTORY");
    const std::size_t size = directory ? std::strlen(directory) : 0;
    return size > 0 && std::strncmp(path, directory, size) == 0 &&
           (path[size] == '/' || path[size] == '\0');
}

void note(change what, const char* path, std::uint64_t at, const void* data, std::size_t size) {
    const char* log = ::getenv("POWER_CUT_LOG");
    if (!log || (what == change::sync && ::getenv("POWER_CUT_LIES"))) return;
    const long fd = ::syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
    if (fd < 0) return;
    record head{what, static_cast<std::uint32_t>(std::strlen(path)),
                static_cast<std::uint32_t>(size), 0, at};
    // One call, so that records of several processes do not mix.
    const iovec parts[] = {{&head, sizeof head},
                           {const_cast<char*>(path), head.path_size},
                           {const_cast<void*>(data), size}};
    ::syscall(SYS_writev, fd, parts, 3);
    ::syscall(SYS_close, fd);
}

/// The path of an open file; false where it is not watched, or no longer has one.
bool path_of(int fd, char (&path)[PATH_MAX]) {
    char link[32];
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const long n = ::syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    if (n <= 0) return false;
    path[n] = '\0';
    return is_watched(path) && !std::strstr(path, " (deleted)");
}

void note_file(change what, int fd, std::uint64_t at, const void* data = nullptr,
               std::size_t size = 0) {
    const kept_errno kept;
    char path[PATH_MAX];
    if (path_of(fd, path)) note(what, path, at, data, size);
}

/// True when this call on this file is one that fails; errno is EIO then.
bool fails(int fd, std::atomic<std::int32_t> power_cut::faults::* which,
           std::atomic<std::uint32_t> power_cut::faults::* count) {
    const char* const name = ::getenv("POWER_CUT_FAULTS");
    if (!name) return false;
    kept_errno result;
    char path[PATH_MAX];
    if (!path_of(fd, path)) return false;
    const long file = ::syscall(SYS_openat, AT_FDCWD, name, O_RDWR | O_CLOEXEC, 0);
    if (file < 0) return false;
    void* const mapped = ::mmap(nullptr, sizeof(power_cut::faults), PROT_READ | PROT_WRITE,
                                MAP_SHARED, static_cast<int>(file), 0);
    ::syscall(SYS_close, file);
    if (mapped == MAP_FAILED) return false;
    auto& now = *static_cast<power_cut::faults*>(mapped);
    const bool failed =
        std::strstr(path, now.file) != nullptr && power_cut::faults::take(now.*which);
    if (failed) {
        ++(now.*count);
        result.value = EIO;
    }
    ::munmap(mapped, sizeof now);
    return failed;
}

bool write_fails(int fd) {
    return fails(fd, &power_cut::faults::writes, &power_cut::faults::failed_writes);
}

int synced(int fd, long call) {
    const bool failed = fails(fd, &power_cut::faults::syncs, &power_cut::faults::failed_syncs);
    const long done = failed ? -1 : ::syscall(call, fd);
    if (failed || done == 0) note_file(failed ? change::failed_sync : change::sync, fd, 0);
    return static_cast<int>(done);
}

/// Behind the position of the file.
void note_written(int fd, const void* data, std::size_t size) {
    const kept_errno kept;
    const long end = ::syscall(SYS_lseek, fd, 0, SEEK_CUR);
    if (end >= static_cast<long>(size))
        note_file(change::write, fd, static_cast<std::uint64_t>(end) - size, data, size);
}

int opened(int directory, const char* path, int flags, mode_t mode) {
    const long fd = ::syscall(SYS_openat, directory, path, flags, mode);
    if (fd >= 0 && (flags & O_CREAT) != 0) note_file(change::create, static_cast<int>(fd), 0);
    if (fd >= 0 && (flags & O_TRUNC) != 0) note_file(change::truncate, static_cast<int>(fd), 0);
    return static_cast<int>(fd);
}

/// Of a call by two names of which one may be relative to a directory: by the directory's path.
bool whole_path(int directory, const char* name, char (&path)[PATH_MAX]) {
    const kept_errno kept;
    char above[PATH_MAX] = "";
    if (name[0] == '/') {
        std::snprintf(path, sizeof path, "%s", name);
        return is_watched(path);
    }
    if (directory == AT_FDCWD) {
        if (!::getcwd(above, sizeof above)) return false;
    } else {
        char link[32];
        std::snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
        const long n = ::syscall(SYS_readlinkat, AT_FDCWD, link, above, sizeof above - 1);
        if (n <= 0) return false;
        above[n] = '\0';
    }
    const int n = std::snprintf(path, sizeof path, "%s/%s", above, name);
    return n > 0 && static_cast<std::size_t>(n) < sizeof path && is_watched(path);
}

int renamed(int from_directory, const char* from, int to_directory, const char* to,
            unsigned flags) {
    char old_path[PATH_MAX], new_path[PATH_MAX];
    const bool watched =
        whole_path(from_directory, from, old_path) && whole_path(to_directory, to, new_path);
    const long done = ::syscall(SYS_renameat2, from_directory, from, to_directory, to, flags);
    if (done == 0 && watched) {
        const kept_errno kept;
        note(change::rename, old_path, 0, new_path, std::strlen(new_path));
    }
    return static_cast<int>(done);
}

int removed(int directory, const char* name, int flags) {
    char path[PATH_MAX];
    const bool watched = whole_path(directory, name, path);
    const long done = ::syscall(SYS_unlinkat, directory, name, flags);
    if (done == 0 && watched && flags == 0) {
        const kept_errno kept;
        note(change::remove, path, 0, nullptr, 0);
    }
    return static_cast<int>(done);
}

mode_t mode_in(int flags, va_list more) {
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
}

}  // namespace

// The C library's own names, by which everybody calls it.
extern "C" {

int open(const char* path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    const mode_t mode = mode_in(flags, more);
    va_end(more);
    return opened(AT_FDCWD, path, flags, mode);
}
int open64(const char* path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    const mode_t mode = mode_in(flags, more);
    va_end(more);
    return opened(AT_FDCWD, path, flags, mode);
}
int openat(int directory, const char* path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    const mode_t mode = mode_in(flags, more);
    va_end(more);
    return opened(directory, path, flags, mode);
}
int openat64(int directory, const char* path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    const mode_t mode = mode_in(flags, more);
    va_end(more);
    return opened(directory, path, flags, mode);
}

ssize_t write(int fd, const void* data, std::size_t size) {
    if (write_fails(fd)) return -1;
    const long n = ::syscall(SYS_write, fd, data, size);
    if (n > 0) note_written(fd, data, static_cast<std::size_t>(n));
    return n;
}
ssize_t writev(int fd, const iovec* parts, int count) {
    ssize_t sum = 0;
    for (int i = 0; i < count; ++i) {  // short of the whole where one of them is
        const ssize_t n = write(fd, parts[i].iov_base, parts[i].iov_len);
        if (n < 0) return sum > 0 ? sum : n;
        sum += n;
        if (static_cast<std::size_t>(n) < parts[i].iov_len) break;
    }
    return sum;
}
ssize_t pwrite64(int fd, const void* data, std::size_t size, off64_t at) {
    if (write_fails(fd)) return -1;
    const long n = ::syscall(SYS_pwrite64, fd, data, size, at);
    if (n > 0)
        note_file(change::write, fd, static_cast<std::uint64_t>(at), data,
                  static_cast<std::size_t>(n));
    return n;
}
ssize_t pwrite(int fd, const void* data, std::size_t size, off_t at) {
    return pwrite64(fd, data, size, at);
}
int ftruncate64(int fd, off64_t size) noexcept {
    const long done = ::syscall(SYS_ftruncate, fd, size);
    if (done == 0) note_file(change::truncate, fd, static_cast<std::uint64_t>(size));
    return static_cast<int>(done);
}
int ftruncate(int fd, off_t size) noexcept { return ftruncate64(fd, size); }

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

int rename(const char* from, const char* to) noexcept {
    return renamed(AT_FDCWD, from, AT_FDCWD, to, 0);
}
int renameat(int from_directory, const char* from, int to_directory, const char* to) noexcept {
    return renamed(from_directory, from, to_directory, to, 0);
}
int renameat2(int from_directory, const char* from, int to_directory, const char* to,
              unsigned flags) noexcept {
    return renamed(from_directory, from, to_directory, to, flags);
}
int unlink(const char* path) noexcept { return removed(AT_FDCWD, path, 0); }
int unlinkat(int directory, const char* path, int flags) noexcept {
    return removed(directory, path, flags);
}
int remove(const char* path) noexcept {
    const int done = removed(AT_FDCWD, path, 0);
    return done != 0 && errno == EISDIR ? removed(AT_FDCWD, path, AT_REMOVEDIR) : done;
}
}
