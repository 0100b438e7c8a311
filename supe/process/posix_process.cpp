#include "supe/process/posix_process.hpp"

#include "supe/process/descendants.hpp"
#include "supe/process/group_rest.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <cerrno>
#include <csignal>

namespace supe {
posix_process::posix_process(loop_executor executor, pid_t pid, unique_fd pidfd,
                             notify_socket notify)
    : pid_(pid), pidfd_(executor, std::move(pidfd)),
      notify_(notify ? std::make_unique<notify_socket>(std::move(notify)) : nullptr),
      notify_ready_(notify_ ? watched_descriptor(executor, notify_->again())
                            : watched_descriptor()) {
    adopt_child(pid);
}

/// One that may not be killed is not waited for: it may live for ever.
posix_process::~posix_process() {
    const bool ends = kill_group() == 0;
    if (!reaped_) ::waitpid(pid_, nullptr, ends ? 0 : WNOHANG);
    forget_child(pid_);
    forget_group(pid_);
}

bool posix_process::is_dead() const {
    if (reaped_) return true;
    pollfd p{pidfd_.get(), POLLIN, 0};
    return ::poll(&p, 1, 0) > 0;
}

void posix_process::watch(timer& alarm) {
    pidfd_.when_readable(alarm);
    notify_ready_.when_readable(alarm);
}

std::vector<std::string> posix_process::notifications() {
    return notify_ ? notify_->receive(pid_) : std::vector<std::string>();
}

pid_t posix_process::signal(int number) {
    if (reaped_) return 0;
    const bool refused =
        ::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0) != 0 && errno == EPERM;
    return refused && !is_dead() ? pid_ : 0;
}

/// The number is the group's as long as the process is not reaped or a member lives. It leads its
/// session, so it cannot have moved to another group.
///
/// kill(2) succeeds where one member took the signal. So it does not tell whether the others did.
pid_t posix_process::signal_group(int number) {
    if (reaped_ && !group_lives()) return 0;
    ::kill(-pid_, number);
    return reaped_ ? rest_of_group(pid_).untouchable : signal(0);
}

exit_status posix_process::reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
    reaped_ = true;
    return exit_status::from_wait(status);
}

/// Once it is seen to be gone, its number may be another group's.
bool posix_process::group_lives() {
    group_gone_ = group_gone_ || !has_members(pid_) || !rest_of_group(pid_).lives;
    return !group_gone_;
}

}  // namespace supe
