// One real process, identified by its pidfd.
#pragma once

#include "supe/async/watched_descriptor.hpp"
#include "supe/process/launcher.hpp"
#include "supe/process/notify_socket.hpp"

namespace supe {

/// Owns the process and its group: the destructor kills what is left of them, and reaps the
/// process. Until then the orphans of this life are not those of a life that is over.
class posix_process final : public process {
public:
    /// Takes both descriptors. Throws system_error when the event loop cannot watch them.
    posix_process(loop_executor executor, pid_t pid, unique_fd pidfd, notify_socket notify);
    ~posix_process() override;

    pid_t pid() const override { return pid_; }
    bool is_dead() const override;
    void watch(timer& alarm) override;
    std::vector<std::string> notifications() override;
    bool dropped_notification() override { return notify_ && notify_->dropped_one(); }
    pid_t signal(int number) override;
    pid_t signal_group(int number) override;
    exit_status reap() override;
    bool group_lives() override;

private:
    pid_t pid_;
    bool reaped_ = false;
    bool group_gone_ = false;  // seen after reap()
    watched_descriptor pidfd_;
    std::unique_ptr<notify_socket> notify_;  // null when it has none
    watched_descriptor notify_ready_;        // a second descriptor of the socket
};

}  // namespace supe
