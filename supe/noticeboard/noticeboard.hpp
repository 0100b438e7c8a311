// Named publish and subscribe inside one supervisor; the last message of each name is cached
// (contract §2). Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace supe {

struct noticeboard_limits {
    std::size_t cached_names = 65536;  ///< past these two limits the oldest notice leaves the cache
    std::size_t cached_bytes = 64u << 20;  ///< names, messages and sources together
    std::size_t watches = 4096;            ///< of one watcher; more are refused
    std::size_t name_bytes = 1024;         ///< of a notice's name; longer ones are refused
};

/// Who published a notice, and when.
struct notice_origin {
    std::string_view source;
    std::chrono::system_clock::time_point at{};
};

/// Rules: contract §2, and npm's `cjs-noticeboard` as supe 0.5.2 uses it: one pipe for each notice
/// and watcher. Messages are JSON text. A message that is falsy in JavaScript arrives as `null`,
/// and so does a notice without a message.
class noticeboard {
public:
    /// The end of a pipe: one life of a child. An id is never used again after forget().
    using watcher_id = std::uint64_t;

    struct watch_options {
        bool once = false;  ///< one event, then the watch is used up
        bool use_cache =
            false;  ///< the cached message is the first event (cjs-noticeboard's default: no)
    };
    struct watch_answer {
        std::string error;  ///< why the watch was refused; empty when it was accepted
        std::optional<std::string>
            cached;  ///< the first event, after the answer; it uses up a once-watch
    };
    struct cached_notice {
        std::string_view notice, message;
        notice_origin from;
    };
    struct event {
        std::string_view notice;   ///< the argument of publish()
        std::string_view message;  ///< valid as long as this
        std::shared_ptr<const std::string> text;
        std::vector<watcher_id> watchers;  ///< in the order of their watches
    };

    explicit noticeboard(noticeboard_limits limits = {}) : limits_(limits) {}

    /// Opens the pipe. When it is open already, the cache is ignored, as by npm's supe; a plain
    /// watch makes a once-watch lasting, and a once-watch leaves a lasting one as it is.
    watch_answer watch(watcher_id watcher, std::string_view notice, watch_options options);
    /// Closes the pipe. To ignore what is not watched succeeds.
    void ignore(watcher_id watcher, std::string_view notice);
    /// The watcher is gone: closes all its pipes.
    void forget(watcher_id watcher);

    /// Returns the message and its watchers. Uses up their once-watches. Without `message` the
    /// cache stays as it is. The cache shares a large message with the event.
    event publish(std::string_view notice, std::optional<std::string> message,
                  notice_origin from = {});

    /// Why this cannot be the name of a notice; empty when it can.
    std::string refusal(std::string_view notice) const;
    /// True when a watcher has this name: costly notices (`NAME-output`) are published only then.
    bool watched(std::string_view notice) const { return pipes_.contains(notice); }
    /// The last notice of that name. Valid until the next publish().
    std::optional<cached_notice> last(std::string_view notice) const;
    /// The message of the last notice of that name.
    std::optional<std::string_view> cached(std::string_view notice) const;
    /// Calls `f(const cached_notice&)` for all cached notices, oldest first.
    template <class F>
    void for_each_cached(F f) const {
        for (const note& n : cache_) f(n.view());
    }

private:
    struct pipe {
        watcher_id watcher;
        bool once;
    };
    /// All text is in one piece, because a thousand children have thousands of notices.
    struct note {
        /// `shared`: the message, where it is large.
        note(const cached_notice& n, std::shared_ptr<const std::string> shared);
        std::unique_ptr<char[]> text;  // notice, source, and the message that is not large
        std::shared_ptr<const std::string> large;
        std::uint32_t notice_size, source_size, message_size;
        std::chrono::system_clock::time_point at;
        std::string_view notice() const { return {text.get(), notice_size}; }
        cached_notice view() const;
    };
    static std::size_t size_of(const cached_notice& n) {
        return n.notice.size() + n.from.source.size() + n.message.size();
    }
    using note_ref = std::list<note>::iterator;
    /// Finds a note of the cache by its name. The set holds the places alone, for the same reason.
    struct by_name {
        using is_transparent = void;
        static std::string_view name(std::string_view notice) { return notice; }
        static std::string_view name(const note_ref& n) { return n->notice(); }
        std::size_t operator()(const auto& n) const {
            return std::hash<std::string_view>()(name(n));
        }
        bool operator()(const auto& a, const auto& b) const { return name(a) == name(b); }
    };
    void close(watcher_id watcher, std::string_view notice);
    void remember(const cached_notice& latest, std::shared_ptr<const std::string> text);
    void drop(note_ref old);

    noticeboard_limits limits_;
    std::map<std::string, std::vector<pipe>, std::less<>> pipes_;  // no empty ones
    std::unordered_map<watcher_id, std::set<std::string, std::less<>>> watches_;
    std::list<note> cache_;  // oldest first
    std::unordered_set<note_ref, by_name, by_name> cached_;
    std::size_t cached_bytes_ = 0;
};

}  // namespace supe
