// What a frame means: mail, a signal, or neither (contract §2). Pure.
#pragma once

#include "supe/channel/signal.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace supe {

/// What a component names a mail or a request, so that it knows the answer: bytes. A supervisor
/// keeps it until the answer.
constexpr std::size_t id_limit = 1024;

/// `data` of a signal, in bytes (contract §2): to look into it takes the supervisor some 50 ms a
/// MiB. Of NOTICEBOARD-REQUEST it counts without the `message`, which is passed on as it is.
constexpr std::size_t signal_data_limit = 1u << 20;

/// Members that we do not know and pass on, of one mail: to look into a million takes too long.
constexpr std::size_t unknown_members_limit = 1024;

/// A mail as a component (or a supervisor) sent it. Views point into the frame.
struct mail_frame {
    std::optional<std::string> to;  ///< absent: to the sender's own supervisor
    std::string_view msg = "null";  ///< JSON text, checked, unchanged
    std::optional<std::string> id;  ///< present: the sender wants an answer
    bool receipt = false;           ///< the sender also wants the recipient's ack
    bool patient = false;  ///< between supervisors: the first sender gave an id, so it can be held
                           ///< (`receipt` is present)
    std::optional<std::string> from;  ///< only supervisors set `from` and `attempt`
    unsigned attempt = 1;
    bool answer = false;  ///< it has `re`: it is the answer to a call
    std::string extras;   ///< unknown members, and `re`, as `,"key":value…`; passed on unchanged
};

struct signal_frame {
    signal_kind kind = signal_kind::unknown;
    std::string name;       ///< as it was sent
    std::string_view data;  ///< JSON text of `data`, or empty
};

/// An object whose `cmd` starts with `NODE_`. It is ignored; NODE_HANDLE is answered.
struct node_frame {
    bool handle = false;
};

/// Any other JSON value: a raw `process.send`.
struct raw_frame {};

/// Not JSON, or a malformed mail or signal.
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
    bool receipt = false;  ///< this and `patient`: between supervisors only
    bool patient = false;  ///< the sender waits for MAIL-ACCEPTED; without `receipt` it is written
                           ///< as `"receipt":false`
};
void append_delivery(std::string& out, const delivery&);

/// One frame, with its newline: `{"type":"signal","signal":NAME}` or with `,"data":DATA`. DATA is
/// JSON text.
void append_signal(std::string& out, std::string_view name, std::string_view data = {});
void append_signal(std::string& out, signal_kind kind, std::string_view data = {});

}  // namespace supe
