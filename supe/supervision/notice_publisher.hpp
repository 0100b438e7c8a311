// Publishes the notices of a supervisor: to children that watch, to listeners outside the tree, and
// to the supervisor above.
#pragma once

#include "supe/channel/outbox.hpp"
#include "supe/noticeboard/noticeboard.hpp"
#include "supe/supervision/child_registry.hpp"
#include "supe/supervision/restart_intensity.hpp"
#include "supe/supervision/uplink.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace supe {

/// One notice for a listener outside the tree.
struct published {
    std::string name;
    std::string message;                       ///< JSON text
    std::string source;                        ///< a child's name (or NAME-SOURCE), or `supe`
    std::chrono::system_clock::time_point at;  ///< when it was published, also for a cached notice
};

/// A slow watcher never delays a supervisor, nor does a slow supervisor above. A notice for it is
/// lost when it has too much unread, and notice `notice-pipe-failure` reports it.
class notice_publisher {
public:
    /// `above`: null at the root.
    notice_publisher(child_registry& children, outbox& out, clock& time, uplink* above)
        : children_(children), out_(out), time_(time), above_(above) {}

    /// The names of the notices that the supervisor above gets too (contract §5 `forward`).
    void set_forward(std::vector<std::string> names) { forward_ = std::move(names); }

    /// `message`: JSON text; empty for a notice without a message.
    void publish(const std::string& notice, std::string message,
                 const std::string& source = "supe");
    /// Notice `WHAT` about a child, under its three names (contract §4). `fields`: further members,
    /// `"pid":1,"restarts":0`.
    void publish_about(const std::string& name, std::string_view what,
                       std::string_view fields = {});
    /// Publishes on the noticeboard of the supervisor above, with this supervisor as the source; at
    /// the root on its own.
    void notify_above(const std::string& notice, const std::string& message);
    /// A line of output of a child: notice `NAME-output` or `NAME-error`, published only when it is
    /// watched.
    void publish_line(const child& c, stream s, std::string_view line);

    /// `data`: of a NOTICEBOARD-REQUEST. Returns what is wrong with the frame, or empty.
    std::string on_request(child& c, std::string_view data);
    /// The process of the child ended, and its watches end with it.
    void forget_watches_of(const child& c);

    using listener = std::function<void(const published&)>;
    /// Calls `to` with every notice of these names, the cached ones first. Without names: with all
    /// but output. Returns an id for stop_listening().
    std::uint64_t listen(std::vector<std::string> names, listener to);
    void stop_listening(std::uint64_t id) { listeners_.erase(id); }

private:
    struct listening {
        std::vector<std::string> names;  // sorted: a line of output looks for its notice here
        listener to;
    };
    bool is_output_notice(std::string_view notice) const;
    bool is_watched(const std::string& notice) const;
    channel* link_to(std::uint64_t watcher) const;
    std::vector<std::uint64_t> to_watchers(const noticeboard::event& event);
    void to_listeners(const noticeboard::event& event, const notice_origin& from);
    void send_to(channel& link, std::string_view frame);
    void on_pipe_failure(std::uint64_t watcher, const std::string& notice);
    void on_loss_above(const std::string& notice);

    child_registry& children_;
    outbox& out_;
    clock& time_;
    uplink* above_;
    noticeboard board_;
    std::vector<std::string> forward_;
    restart_intensity losses_above_{{20, std::chrono::seconds(1)}};
    std::map<std::uint64_t, listening> listeners_;
    std::uint64_t last_listener_ = 0;
};

}  // namespace supe
