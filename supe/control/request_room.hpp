// The room for requests that are still coming: connections, and memory. It decides which client
// gives way when all of it is taken. Clients that are slow, or silent, keep nobody out. Pure.
#pragma once

#include "supe/async/timer.hpp"

#include <cstddef>
#include <list>

namespace supe::control {

/// A client whose request is not whole, as the room sees it.
struct request_guest {
    time_point began{};    ///< when it connected
    std::size_t held = 0;  ///< bytes of its request that count in the room's sum
    std::list<request_guest*>::iterator place{};
};

/// Bytes that each request may take without being counted: usual ones always have room.
inline constexpr std::size_t small_request = 64u << 10;

class request_room {
public:
    void enter(request_guest& g, time_point now);
    void leave(request_guest& g);
    /// Something of its request came.
    void heard(request_guest& g);
    /// So many bytes of its request are in memory. False, and nothing has changed, where all large
    /// requests would take more than `limit` together.
    bool hold(request_guest& g, std::size_t bytes, std::size_t limit);
    /// It is told to end: its memory counts no more.
    void release(request_guest& g);

    std::size_t size() const { return guests_.size(); }
    std::size_t held() const { return held_; }

    /// The one of which nothing has come for longest. Null: nobody is silent. `has_more` tells
    /// whether something has come of a guest's request that is not read yet: it is heard now.
    template <class F>
    request_guest* longest_silent(F has_more) {
        for (std::size_t left = guests_.size(); left > 0; --left) {
            request_guest* const first = guests_.front();
            if (!has_more(*first)) return first;
            heard(*first);
        }
        return nullptr;
    }
    /// Of those whose memory counts, but for `asking`, the one that began first, where that was
    /// `before` or earlier. Null: nobody.
    request_guest* slowest_large(time_point before, const request_guest& asking) const;

private:
    std::list<request_guest*> guests_;  // who was heard last comes last
    std::size_t held_ = 0;
};

}  // namespace supe::control
