#include "supe/simulation/virtual_clock.hpp"

#include <algorithm>

namespace supe::simulation {

std::chrono::system_clock::time_point virtual_clock::wall() const {
    using namespace std::chrono;
    const auto day_one = system_clock::time_point(sys_days(2026y / January / 1));
    return day_one +
           duration_cast<system_clock::duration>(now().time_since_epoch() + shared_->wall_step);
}

bool virtual_clock::fire_one(time_point t) {
    timers& all = shared_->all;
    const bool due = all.next() <= t;
    shared_->now = std::max(now(), due ? all.next() : t);
    if (due) all.fire_first();
    return due;
}

}  // namespace supe::simulation
