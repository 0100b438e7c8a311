// What a supervisor publishes, and who hears it: children that watch, listeners outside the tree,
// the supervisor above.
#pragma once

#include "supe/channel/outbox.hpp"
#include "supe/noticeboard/noticeboard.hpp"
#include "supe/supervision/child_registry.hpp"
#include "supe/supervision/uplink.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace supe {

/// One notice as a listener outside the tree gets it.
struct published {
    std::string name;
    std::string message;                       ///< JSON text
    std::string source;                        ///< a child's name (or NAME-SOURCE), or `supe`
    std::chrono::system_clock::time_point at;  ///< of its publication, also from the cache
};

/// A watcher that is slow or gone never delays a supervisor: what it does not read is lost, and
/// notice `notice-pipe-failure` says so.
class notice_publisher {
public:
    /// `above`: null at the root.
    notice_publisher(child_registry& children, outbox& out, clock& time, uplink* above)
        : children_(children), out_(out), time_(time), above_(above) {}

    /// Names of notices that go on to the supervisor above (contract §5 `forward`).
    void set_forward(std::vector<std::string> names) { forward_ = std::move(names); }

    /// `message` is JSON text; empty: a notice without one.
    void publish(const std::string& notice, const std::string& message,
                 const std::string& source = "supe");
    /// Notice `WHAT` about a child, under its three names (contract §4). `fields`: further members,
    /// `"pid":1,"restarts":0`.
    void publish_about(const std::string& name, std::string_view what,
                       std::string_view fields = {});
    /// To the supervisor above, as coming from this one; at the root to its own noticeboard.
    void notify_above(const std::string& notice, const std::string& message);
    /// A line that a child printed: notice `NAME-output` or `NAME-error`, where somebody watches
    /// it.
    void publish_line(const child& c, stream s, std::string_view line);

    /// The `data` of a NOTICEBOARD-REQUEST. What is wrong with the frame, or empty.
    std::string on_request(child& c, std::string_view data);
    /// Its process ended: its watches end with it.
    void forget_watches_of(const child& c);

    using listener = std::function<void(const published&)>;
    /// Gives every notice of these names (all but output when empty) to `to`, the cached ones
    /// first.
    std::uint64_t listen(std::vector<std::string> names, listener to);
    void stop_listening(std::uint64_t id) { listeners_.erase(id); }

private:
    struct listening {
        std::vector<std::string> names;
        listener to;
    };
    bool is_output_notice(std::string_view notice) const;
    bool is_watched(const std::string& notice) const;
    bool send_to_watcher(std::uint64_t watcher, const std::string& notice,
                         const std::string& message);
    void on_pipe_failure(std::uint64_t watcher, const std::string& notice);

    child_registry& children_;
    outbox& out_;
    clock& time_;
    uplink* above_;
    noticeboard board_;
    std::vector<std::string> forward_;
    std::map<std::uint64_t, listening> listeners_;
    std::uint64_t last_listener_ = 0;
};

}  // namespace supe
