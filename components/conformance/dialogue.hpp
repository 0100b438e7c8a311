// What a supervisor knows of its talk with one life of a component, and what the component may not
// say (contract §2). Pure.
#pragma once

#include "supe/channel/signal.hpp"

#include <deque>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace components {

/// What the component did wrong, in words.
struct violation : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class dialogue {
public:
    /// `config`: JSON text, the `config` of the tree file.
    explicit dialogue(std::string config = "null") : config_(std::move(config)) {}

    /// The frame that delivers `msg`, JSON text; it is in flight from now on. `id` must not be in
    /// flight.
    std::string deliver(std::string_view id, std::string_view msg, unsigned attempt = 1);
    std::string config_frame() const;
    /// Takes a frame of the component. Returns the frames with which a supervisor answers. Throws
    /// violation where no component may send this, or not now.
    std::string take(std::string_view frame);

    /// READY-TO-RECEIVE-MAIL came, and no pause after it.
    bool takes_mail() const { return takes_mail_; }
    unsigned window() const { return window_; }
    const std::deque<std::string>& in_flight() const { return in_flight_; }
    /// The mail that it sent.
    struct sent_mail {
        std::string to;
        std::string msg;  ///< JSON text
    };
    const std::vector<sent_mail>& sent() const { return sent_; }
    /// `ready`, `pause`, `mail`, `ack ID`, in the order in which they came.
    const std::vector<std::string>& events() const { return events_; }

private:
    std::string take_signal(supe::signal_kind kind, std::string_view data);
    void acknowledge(std::string_view data);
    void remove(const std::string& id);

    std::string config_;
    bool takes_mail_ = false;
    unsigned window_ = 1;
    std::deque<std::string> in_flight_;
    std::vector<sent_mail> sent_;
    std::vector<std::string> events_;
};

}  // namespace components
