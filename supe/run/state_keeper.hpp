// Keeps a root within reach: its state directory may be deleted while it runs (contract §6).
#pragma once

#include "supe/control/server.hpp"
#include "supe/run/state_lock.hpp"

#include <string>

namespace supe {

class state_keeper {
public:
    /// `file`: as claim_state().
    state_keeper(supervisor& root, state_lock& lock, control::server& control,
                 std::filesystem::path state, std::filesystem::path file)
        : root_(root), lock_(lock), control_(control), state_(std::move(state)),
          file_(std::move(file)) {}

    /// Makes the directory, its locks and the control socket again, where they were deleted. Where
    /// another root has the directory by now, nothing of it is touched. The log says what was done.
    void look();
    /// Looks from time to time, until it is cancelled.
    awaitable<> run();

private:
    supervisor& root_;
    state_lock& lock_;
    control::server& control_;
    std::filesystem::path state_;
    std::filesystem::path file_;
    std::string problem_;  // that was logged last
};

}  // namespace supe
