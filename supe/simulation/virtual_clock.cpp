#include "supe/simulation/virtual_clock.hpp"

#include <algorithm>

namespace supe::simulation {

std::chrono::system_clock::time_point virtual_clock::wall() const {
    using namespace std::chrono;
    const auto day_one = system_clock::time_point(sys_days(2026y / January / 1));
    return day_one + duration_cast<system_clock::duration>(now_.time_since_epoch());
}

void virtual_clock::arm(timer& t, time_point deadline) {
    if (deadline != never) timers_.emplace(std::pair(deadline, ++last_number_), &t);
}

void virtual_clock::disarm(timer& t) {
    const auto found = std::find_if(timers_.begin(), timers_.end(), [&](const auto& entry) { return entry.second == &t; });
    if (found != timers_.end()) timers_.erase(found);
}

time_point virtual_clock::next() const { return timers_.empty() ? never : timers_.begin()->first.first; }

bool virtual_clock::fire_one(time_point t) {
    if (timers_.empty() || timers_.begin()->first.first > t) {
        now_ = std::max(now_, t);
        return false;
    }
    const auto first = timers_.begin();
    now_ = std::max(now_, first->first.first);
    timer* due = first->second;
    timers_.erase(first);
    due->notify();
    return true;
}

}  // namespace supe::simulation
