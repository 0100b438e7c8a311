#include "supe/supervision/child_entry.hpp"

namespace supe {

child_spec as_child(child_spec spec) {
    if (spec.supervisor) {
        spec.ready = ready_kind::signal;
        spec.start_timeout = std::chrono::hours(24);
        // Its children have sessions of their own. In its group there is, at times, one of them
        // that is about to begin: the signal is not for it.
        spec.kill_mode = kill_mode_kind::mixed;
    }
    return spec;
}

void child_entry::add_death(death d) {
    deaths.push_back(std::move(d));
    if (deaths.size() > death_limit) deaths.erase(deaths.begin());
}

strange_frames& child_entry::strange() {
    if (!strange_frames_seen) strange_frames_seen = std::make_unique<strange_frames>();
    return *strange_frames_seen;
}

}  // namespace supe
