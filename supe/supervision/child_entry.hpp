// A child, and what its supervisor keeps about it beside: its mail, its sockets, how it ended.
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

/// How one life of a child ended, kept for a look.
struct death {
    std::chrono::system_clock::time_point at;
    std::string text;  ///< as child_end::text(), or the cause chain of a supervisor
    std::string exit;  ///< JSON as in notice `crashed`; `null` where no process came to be
    milliseconds lasted{};
    bool clean = false;
};

/// Frames of one child that mean nothing. Notices about them come at a bounded rate.
struct strange_frames {
    std::uint64_t bad = 0;
    restart_intensity rate{{20, std::chrono::seconds(1)}};
};

/// A child, and what its supervisor keeps about it. Its three coroutines are in a nursery of its
/// own: they end when it is removed.
struct child_entry {
    static constexpr std::size_t death_limit = 10;

    child_entry(child_host& host, child_spec spec, std::string address, mail_endpoint endpoint,
                clock& time, nursery& all)
        : who(host, std::move(spec), std::move(address), endpoint.number),
          mail(std::move(endpoint)), tasks(time, all) {}

    /// What mail and excessive crashes are known by: of an instance the name of all.
    const std::string& public_name() const { return instance ? group : who.spec().name; }
    void begin() { who.begin(tasks); }
    void add_death(death d);
    strange_frames& strange();

    child who;
    mail_endpoint mail;
    nursery tasks;
    std::shared_ptr<listening_sockets_of_child> sockets;  // all instances of a name have the same
    std::string group;                                    // the name that it is an instance of
    std::optional<unsigned> instance;                     // which
    bool restarted = false;                // the start under way: notice `auto-restarted`
    bool took_mail = false;                // in this life: the next life has less to do
    milliseconds delay{};                  // how long the start under way waited
    unsigned failures = 0;                 // ends that nobody asked for
    std::string failure_below;             // why a nested supervisor says that it fails
    std::optional<exit_status> last_exit;  // none where the last start came to no process
    std::vector<death> deaths;             // the latest last
    std::unique_ptr<strange_frames> strange_frames_seen;  // null: none yet
};

/// A child with instances: `NAME.1` to `NAME.N`, with one mailbox NAME (contract §5 `instances`).
struct child_group {
    int id = 0;                       // for the restarter
    child_spec spec;                  // of the name
    std::map<unsigned, int> numbers;  // of the children, by instance; never empty for long
};

/// A supervisor is ready when its own children are (OTP: start_link of a supervisor), however long
/// that takes.
child_spec as_child(child_spec spec);

}  // namespace supe
