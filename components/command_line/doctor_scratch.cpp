#include "components/command_line/doctor_scratch.hpp"

#include "supe/storage/private_files.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cctype>
#include <cerrno>
#include <system_error>
#include <vector>

namespace components {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view scratch_form = "doctor.XXXXXX";
constexpr int ending_signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

bool is_scratch_name(std::string_view name) {
    if (name.size() != scratch_form.size()) return false;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const bool fits = scratch_form[i] == 'X'
                              ? std::isalnum(static_cast<unsigned char>(name[i])) != 0
                              : name[i] == scratch_form[i];
        if (!fits) return false;
    }
    return true;
}

supe::unique_fd opened_folder(const fs::path& path) {
    return supe::unique_fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

/// Nobody else made it, and it holds what a doctor writes alone.
bool is_ours(const fs::path& path, const supe::unique_fd& folder) {
    struct stat found{};
    if (::fstat(folder.get(), &found) != 0 || found.st_uid != ::geteuid() ||
        (found.st_mode & 07777) != 0700)
        return false;
    std::error_code failed;
    for (fs::directory_iterator it(path, failed), end; !failed && it != end; it.increment(failed)) {
        const std::string name = it->path().filename().string();
        if (name != "file" && !name.starts_with("queue.db")) return false;
    }
    return !failed;
}

void remove_left_ones(const fs::path& in) {
    std::vector<fs::path> found;
    std::error_code failed;
    for (fs::directory_iterator it(in, failed), end; !failed && it != end; it.increment(failed))
        if (is_scratch_name(it->path().filename().string())) found.push_back(it->path());
    for (const fs::path& path : found) {
        const supe::unique_fd folder = opened_folder(path);
        if (folder && ::flock(folder.get(), LOCK_EX | LOCK_NB) == 0 && is_ours(path, folder))
            fs::remove_all(path, failed);
    }
}

}  // namespace

held_signals::held_signals() {
    sigset_t held{};
    sigemptyset(&held);
    for (const int number : ending_signals) {
        struct sigaction now{};
        ::sigaction(number, nullptr, &now);
        if (now.sa_handler != SIG_IGN) sigaddset(&held, number);
    }
    ::pthread_sigmask(SIG_BLOCK, &held, &before_);
}

held_signals::~held_signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

bool held_signals::waiting() {
    sigset_t pending{};
    ::sigpending(&pending);
    for (const int number : ending_signals)
        if (sigismember(&pending, number)) return true;
    return false;
}

scratch::scratch(const fs::path& in) {
    remove_left_ones(in);
    bool is_there = true;
    // Another doctor may take one that is not locked yet for one that was left.
    do {
        std::string made = (in / scratch_form).string();
        if (!::mkdtemp(made.data()))
            throw std::system_error(errno, std::generic_category(), in.string());
        path_ = made;
        locked_ = opened_folder(path_);
        is_there = locked_ ? ::flock(locked_.get(), LOCK_EX) != 0 || supe::leads_to(path_, locked_)
                           : errno != ENOENT;
    } while (!is_there);
}

scratch::~scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

}  // namespace components
