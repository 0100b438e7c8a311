// Loaded before the C library (LD_PRELOAD): each sync takes $SLOW_SYNC_MS longer, as on a disk that
// is farther away.
#include <dlfcn.h>
#include <poll.h>
#include <cstdlib>

namespace {

int slowly(const char* name, int fd) {
    using call = int (*)(int);
    const int result = reinterpret_cast<call>(::dlsym(RTLD_NEXT, name))(fd);
    const char* more = std::getenv("SLOW_SYNC_MS");
    if (result == 0 && more) ::poll(nullptr, 0, std::atoi(more));
    return result;
}

}  // namespace

extern "C" int fsync(int fd) { return slowly("fsync", fd); }
extern "C" int fdatasync(int fd) { return slowly("fdatasync", fd); }
