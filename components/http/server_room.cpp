#include "components/http/server_room.hpp"

#include "patterns/output.hpp"

#include <sys/socket.h>

namespace components {
namespace {

/// Its next request is here, and was not read yet.
bool has_input(http_client& c) {
    char byte;
    return ::recv(c.socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/// It is not done with what we wait for, and began before that.
bool keeps_us_waiting(const http_client& c, supe::time_point before) {
    return c.deadline != supe::never && c.since <= before;
}

/// Of those with a large body the one that has kept us waiting for longest; null where none has.
http_client* slowest_large_one(http_service& s) {
    http_client* slowest = nullptr;
    const supe::time_point before = s.self.time().now() - s.limits.patience;
    for (http_client* c : s.clients) {
        const bool is_slow = c->reserved > 0 && !c->late && keeps_us_waiting(*c, before);
        if (is_slow && (!slowest || c->since < slowest->since)) slowest = c;
    }
    return slowest;
}

}  // namespace

http_client* next_to_give_way(http_service& s) {
    http_client *idle = nullptr, *slow = nullptr;
    const supe::time_point slow_before = s.self.time().now() - s.limits.patience;
    for (http_client* c : s.clients) {
        if (c->late) continue;
        if (c->leaving) return c;
        if (c->idle) {
            if ((!idle || c->idle_since < idle->idle_since) && !has_input(*c)) idle = c;
        } else if (keeps_us_waiting(*c, slow_before)) {
            if (!slow || c->since < slow->since) slow = c;
        }
    }
    return idle ? idle : slow;
}

void end_for_another(http_client& c) {
    c.late = c.gives_way = true;
    cancel(c);
}

bool http_client::reserve(std::size_t bytes) {
    if (bytes <= large_body || bytes <= reserved) return true;
    const std::size_t more = bytes - reserved;
    if (owner.large_bytes + more > owner.limits.large_bodies) {
        if (owner.no_memory_lines.take(owner.self.time().now()) == supe::duration::zero())
            patterns::warn("answering 503: large bodies on their way take {} bytes together",
                           owner.large_bytes);
        // The next one has room then.
        if (http_client* c = slowest_large_one(owner)) end_for_another(*c);
        return false;
    }
    reserved = bytes;
    owner.large_bytes += more;
    return true;
}

}  // namespace components
