#include "supe/simulation/virtual_clock.hpp"

#include <algorithm>

namespace supe::simulation {

std::chrono::system_clock::time_point virtual_clock::wall() const {
    using namespace std::chrono;
    const auto day_one = system_clock::time_point(sys_days(2026y / January / 1));
    return day_one + duration_cast<system_clock::duration>(now_.time_since_epoch() + wall_step_);
}

bool virtual_clock::fire_one(time_point t) {
    const bool due = timers_.next() <= t;
    now_ = std::max(now_, due ? timers_.next() : t);
    if (due) timers_.fire_first();
    return due;
}

}  // namespace supe::simulation
