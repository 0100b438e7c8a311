// A child, and what its supervisor keeps about it: its mail, its sockets, its ends.
#pragma once

#include "supe/async/nursery.hpp"
#include "supe/mail/mail_endpoint.hpp"
#include "supe/process/listening_sockets.hpp"
#include "supe/supervision/child.hpp"
#include "supe/supervision/restart_intensity.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace supe {

/// How one life of a child ended, for `supe status`.
struct death {
    std::chrono::system_clock::time_point at;
    std::string text;  ///< as child_end::text(), or the cause chain of a nested supervisor
    std::string exit;  ///< JSON as in notice `crashed`; `null` when no process was started
    milliseconds lasted{};
    bool clean = false;
    bool asked_for = false;  ///< by a stop, restart, removal or group restart
};

/// Counts the malformed and unknown frames of one child, and limits the rate of the notices about
/// them.
struct strange_frames {
    std::uint64_t bad = 0;
    restart_intensity rate{{20, std::chrono::seconds(1)}};
};

/// A child, and what its supervisor keeps about it. Its own nursery has its three coroutines, which
/// end when it is removed.
struct child_entry {
    static constexpr std::size_t death_limit = 10;

    child_entry(child_host& host, child_spec spec, std::string address, mail_endpoint endpoint,
                clock& time, nursery& all)
        : who(host, std::move(spec), std::move(address), endpoint.number),
          mail(std::move(endpoint)), tasks(time, all) {}

    /// The name for mail and for notice `excessive-crash`: the child's name, or the common name of
    /// all instances.
    const std::string& public_name() const { return mail.box_name; }
    void begin() { who.begin(tasks); }
    void add_death(death d);
    strange_frames& strange();
    /// Its process, or the one that is being started, has other sockets than those of the child
    /// now.
    bool has_old_sockets() const {
        return who.state().current() != lifecycle::state::down &&
               !sockets_of_life.are(sockets.get());
    }

    child who;
    mail_endpoint mail;
    nursery tasks;
    std::shared_ptr<listening_sockets_of_child> sockets;  // shared by all instances of a name
    started_sockets sockets_of_life;                      // those of its latest process
    std::optional<unsigned> instance;            // its number; without a value: not an instance
    bool restarted = false;                      // the start under way publishes `auto-restarted`
    bool took_mail = false;                      // in this life
    std::uint64_t last_at_start = 0;             // mailbox::last_waiting() when this life began
    bool wants_config = false;                   // it sent READY-FOR-CONFIG in this turn
    milliseconds delay{};                        // how long the start under way waited
    unsigned failures = 0;                       // ends that were not requested
    std::unique_ptr<std::string> failure_below;  // why a nested supervisor failed, as it reported
    std::vector<death> deaths;                   // oldest first
    time_point next_hint{};  // no hint before this that programs must stay in the foreground
    std::unique_ptr<strange_frames> strange_frames_seen;  // null before the first one
};

/// A child with instances: `NAME.1` to `NAME.N`, with one mailbox NAME (contract §5 `instances`).
struct child_group {
    int id = 0;                       // for the restarter
    child_spec spec;                  // with the common name
    std::map<unsigned, int> numbers;  // of the children, by instance
};

/// The spec of a nested supervisor as a child: it is ready when its children are (OTP: start_link
/// of a supervisor), and it has a day for that. Other specs are not changed.
child_spec as_child(child_spec spec);

}  // namespace supe
