// The room of an HTTP server: its places and its memory. It decides which client gives way when all
// of it is taken. Clients that are slow on purpose must keep nobody out. Pure.
#pragma once

#include "supe/async/timer.hpp"

#include <array>
#include <cstddef>
#include <list>
#include <vector>

namespace components {

/// What a connection does.
enum class http_standing {
    awaited,   ///< we wait for it: for its first byte, the rest of its request, or until it has
               ///< read its answer
    greeting,  ///< we wait for it in its handshake, which takes far more memory than what follows
    resting,   ///< it had an answer, and its next request has not begun
    working,   ///< it waits for us
    leaving,   ///< it had its last answer
    ended      ///< it was told to end, and is not gone yet
};

/// A connection, as the room sees it.
struct http_guest {
    http_standing standing = http_standing::awaited;
    supe::time_point since{};  ///< when that began
    std::size_t held = 0;      ///< bytes of memory that count in the room's sum
    std::list<http_guest*>::iterator place{};
};

/// Bytes of memory that each connection may take, with its request and with TLS, without being
/// counted: usual ones always have room.
inline constexpr std::size_t small_request = 24 << 10;

/// All steps but all() and slowest_large() take the same time, however many guests there are.
class http_room {
public:
    void enter(http_guest& g, supe::time_point now);
    void leave(http_guest& g);
    void stand(http_guest& g, http_standing standing, supe::time_point now);
    /// What it takes in memory now. False, and nothing has changed, where this is more than
    /// before, and all that are counted would take more than `limit` together.
    bool hold(http_guest& g, std::size_t bytes, std::size_t limit);
    /// The same for what cannot be refused any more: it counts, and the sum may pass the limit.
    void hold_anyway(http_guest& g, std::size_t bytes);

    std::size_t size() const { return size_; }
    std::size_t held() const { return held_; }
    std::vector<http_guest*> all() const;

    /// One that has had its last answer, else the one that has rested for longest, else the one
    /// that has kept us waiting for longest, where it began so `before` or earlier. Null: nobody.
    http_guest* next_to_give_way(supe::time_point before) const;
    /// Of those whose memory counts, but for `asking`, the one that has kept us waiting for
    /// longest, where it began so `before` or earlier. Null: nobody.
    http_guest* slowest_large(supe::time_point before, const http_guest& asking) const;
    /// The one whose handshake began first, where it began `before` or earlier. Null: nobody.
    http_guest* slowest_greeting(supe::time_point before) const;

private:
    using line = std::list<http_guest*>;
    line& of(http_standing s) { return lines_[static_cast<std::size_t>(s)]; }
    const line& of(http_standing s) const { return lines_[static_cast<std::size_t>(s)]; }

    std::array<line, 6> lines_;  // one a standing: who has had it for longest comes first
    std::size_t size_ = 0;
    std::size_t held_ = 0;
};

}  // namespace components
