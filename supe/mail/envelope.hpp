// A mail as it is routed: views into the frame that brought it, or into a mail that is kept. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace supe {

/// How a mail entered this supervisor.
enum class mail_source : std::uint8_t {
    nobody,  ///< the supervisor itself, which wants no answer
    child,
    uplink,   ///< our own supervisor
    control,  ///< the control socket
};

/// Who gets the answers about a mail: the hop that it came from, and the id of the mail there.
struct mail_origin {
    mail_source source = mail_source::nobody;
    int child = 0;           ///< its number, when `source` is a child
    std::uint32_t life = 0;  ///< of that child: an answer never reaches a later life
    std::string_view id;     ///< the sender's own id; empty: it wants no answer
    bool receipt = false;    ///< it also wants the recipient's ack
    bool patient = false;    ///< the sender waits for MAIL-ACCEPTED, which can be withheld
};

/// A mail with its addresses and counters. Valid as long as what its views point into.
struct envelope {
    std::string_view id;  ///< unique in the tree, and the same in all attempts
    std::string_view from;
    std::string_view to;      ///< set only when another supervisor delivers it
    std::string_view msg;     ///< JSON text
    std::string_view extras;  ///< `,"key":value…`, passed on unchanged
    mail_origin origin;
    bool answer = false;   ///< it has `re`: it answers a call, whose caller waits for it
    unsigned attempt = 0;  ///< deliveries so far
    unsigned charges = 0;  ///< crashes with this mail alone in flight
    bool suspect =
        false;  ///< it was in flight beside others at a crash: it is delivered alone from then on
    std::uint64_t sequence =
        0;  ///< its position among the mail of its supervisor; 0: the mailbox assigns one

    /// What counts against a mailbox's `limit_bytes`.
    std::size_t bytes() const {
        return id.size() + from.size() + to.size() + msg.size() + extras.size() + origin.id.size();
    }
};

/// A mail as it is kept outside of a mailbox: in a journal, as a dead letter, as a line of a file.
struct stored_mail {
    std::string id, from;
    std::string msg;     ///< JSON text, byte for byte
    std::string extras;  ///< the members that we don't know, as they stood: `,"key":value…`
    bool answer = false;
    unsigned attempt = 0;  ///< deliveries so far

    stored_mail() = default;
    explicit stored_mail(const envelope& mail)
        : id(mail.id), from(mail.from), msg(mail.msg), extras(mail.extras), answer(mail.answer),
          attempt(mail.attempt) {}
    /// Uncharged, and nobody gets its answers: its sender may be gone. Valid as long as this.
    envelope view() const {
        envelope mail;
        mail.id = id;
        mail.from = from;
        mail.msg = msg;
        mail.extras = extras;
        mail.answer = answer;
        mail.attempt = attempt;
        return mail;
    }
};

}  // namespace supe
