#include "supe/control/request_room.hpp"

#include <utility>

namespace supe::control {

void request_room::enter(request_guest& g, time_point now) {
    g.began = now;
    g.place = guests_.insert(guests_.end(), &g);
}

void request_room::leave(request_guest& g) {
    release(g);
    guests_.erase(g.place);
}

void request_room::heard(request_guest& g) { guests_.splice(guests_.end(), guests_, g.place); }

bool request_room::hold(request_guest& g, std::size_t bytes, std::size_t limit) {
    const std::size_t counted = bytes > small_request ? bytes : 0;
    const std::size_t sum = held_ - g.held + counted;
    if (counted > g.held && sum > limit) return false;
    held_ = sum;
    g.held = counted;
    return true;
}

void request_room::release(request_guest& g) { held_ -= std::exchange(g.held, 0); }

request_guest* request_room::slowest_large(time_point before, const request_guest& asking) const {
    request_guest* slowest = nullptr;
    for (request_guest* const g : guests_) {
        if (g->held == 0 || g == &asking || g->began > before) continue;
        if (!slowest || g->began < slowest->began) slowest = g;
    }
    return slowest;
}

}  // namespace supe::control
