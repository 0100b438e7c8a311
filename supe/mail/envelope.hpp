// A mail as it is routed: views into a frame that arrived, or into a mail that is held.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace supe {

/// Where a mail came into this supervisor.
enum class mail_source : std::uint8_t {
    nobody,  ///< the supervisor itself: no answer is wanted
    child,
    uplink,   ///< our own supervisor
    control,  ///< the control socket
};

/// Who is answered what became of a mail: the hop it came from, and the name the mail has there.
struct mail_origin {
    mail_source source = mail_source::nobody;
    int child = 0;           ///< its number, where `source` is a child
    std::uint32_t life = 0;  ///< which life of that child: an answer never reaches its successor
    std::string_view id;     ///< the sender's own id; empty: no answer wanted
    bool receipt = false;    ///< the recipient's ack too
    bool patient = false;    ///< the sender waits for MAIL-ACCEPTED, and can be kept waiting
};

/// A mail with its address and its story. Valid as long as what it looks into.
struct envelope {
    std::string_view id;  ///< unique in the tree, the same over all attempts
    std::string_view from;
    std::string_view to;      ///< set only where it travels on (to another supervisor)
    std::string_view msg;     ///< JSON text
    std::string_view extras;  ///< `,"key":value…`, passed on
    mail_origin origin;
    bool answer = false;   ///< carries `re`: somebody waits for it in the middle of other mail
    unsigned attempt = 0;  ///< deliveries so far
    unsigned charges = 0;  ///< crashes with this mail alone in hand
    bool suspect = false;  ///< was in hand with others at a crash: delivered alone from now on
    std::uint64_t sequence =
        0;  ///< its place among the mail of its supervisor; 0: the mailbox gives it one

    /// What counts against a mailbox's `limit_bytes`.
    std::size_t bytes() const {
        return id.size() + from.size() + to.size() + msg.size() + extras.size();
    }
};

}  // namespace supe
