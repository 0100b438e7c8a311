// What a frame means: mail, a signal, or neither (contract §2). Pure.
#pragma once

#include "supe/channel/signal.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace supe {

/// A mail as a component (or a supervisor) sent it. Views point into the frame.
struct mail_frame {
    std::optional<std::string> to;  ///< none: to one's own supervisor
    std::string_view msg = "null";  ///< JSON text, checked, unchanged
    std::optional<std::string> id;  ///< present: the sender wants an answer
    bool receipt = false;           ///< … and the recipient's ack
    bool patient = false;  ///< from a supervisor: the first sender has an id, and can be held
                           ///< (`receipt` is given)
    std::optional<std::string> from;  ///< only supervisors fill these three: deliveries and hops
    unsigned attempt = 1;
    bool answer = false;  ///< it carries `re`: the answer to a call
    std::string extras;   ///< members that we don't know, and `re`, as `,"key":value…`, passed on
};

struct signal_frame {
    signal_kind kind = signal_kind::unknown;
    std::string name;       ///< as it was sent
    std::string_view data;  ///< JSON text of `data`, or empty
};

/// An object whose `cmd` starts with `NODE_`: ignored, but NODE_HANDLE wants an answer.
struct node_frame {
    bool handle = false;
};

/// Any other JSON value: a raw `process.send`.
struct raw_frame {};

/// Not a frame of ours at all.
struct bad_frame {
    std::string reason;
};

using message = std::variant<mail_frame, signal_frame, node_frame, raw_frame, bad_frame>;

/// Reads one frame. A frame with type `mail` or `signal` whose other members have the wrong types
/// is a bad_frame that names the member. Unknown members are kept (mail) or ignored (signal).
message read_message(std::string_view frame);

/// One frame, with its newline: `{"type":"mail","from":FROM,"msg":MSG,"id":ID,"attempt":N…}`, plus
/// `to` and extras.
struct delivery {
    std::string_view from, msg, id, extras;
    std::optional<std::string_view> to;
    unsigned attempt = 1;
    bool receipt = false;  ///< these two between supervisors only
    bool patient =
        false;  ///< the sender waits for its acceptance: `"receipt":false` where it wants no more
};
void append_delivery(std::string& out, const delivery&);

/// One frame, with its newline: `{"type":"signal","signal":NAME}` or with `,"data":DATA`. DATA is
/// JSON text.
void append_signal(std::string& out, std::string_view name, std::string_view data = {});
void append_signal(std::string& out, signal_kind kind, std::string_view data = {});

}  // namespace supe
