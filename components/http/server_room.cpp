#include "components/http/server_room.hpp"

namespace components {

void http_room::enter(http_guest& g, supe::time_point now) {
    line& last = of(g.standing);
    g.since = now;
    g.place = last.insert(last.end(), &g);
    ++size_;
}

void http_room::leave(http_guest& g) {
    held_ -= g.held;
    of(g.standing).erase(g.place);
    --size_;
}

void http_room::stand(http_guest& g, http_standing standing, supe::time_point now) {
    line& to = of(standing);
    to.splice(to.end(), of(g.standing), g.place);
    g.standing = standing;
    g.since = now;
}

bool http_room::hold(http_guest& g, std::size_t bytes, std::size_t limit) {
    const bool is_more = bytes > small_request && bytes > g.held;
    if (is_more && held_ - g.held + bytes > limit) return false;
    hold_anyway(g, bytes);
    return true;
}

void http_room::hold_anyway(http_guest& g, std::size_t bytes) {
    held_ -= g.held;
    g.held = bytes > small_request ? bytes : 0;
    held_ += g.held;
}

std::vector<http_guest*> http_room::all() const {
    std::vector<http_guest*> found;
    found.reserve(size_);
    for (const line& l : lines_) found.insert(found.end(), l.begin(), l.end());
    return found;
}

http_guest* http_room::next_to_give_way(supe::time_point before) const {
    for (const http_standing s : {http_standing::leaving, http_standing::resting})
        if (!of(s).empty()) return of(s).front();
    const line& awaited = of(http_standing::awaited);
    http_guest* const slowest = awaited.empty() ? nullptr : awaited.front();
    if (slowest && slowest->since <= before) before = slowest->since;
    if (http_guest* const slower = slowest_greeting(before)) return slower;
    return slowest && slowest->since <= before ? slowest : nullptr;
}

http_guest* http_room::slowest_large(supe::time_point before, const http_guest& asking) const {
    for (http_guest* g : of(http_standing::awaited)) {
        if (g->since > before) return nullptr;
        if (g->held > 0 && g != &asking) return g;
    }
    return nullptr;
}

http_guest* http_room::slowest_greeting(supe::time_point before) const {
    const line& all = of(http_standing::greeting);
    return all.empty() || all.front()->since > before ? nullptr : all.front();
}

}  // namespace components
