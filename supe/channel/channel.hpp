// One end of the socket between a supervisor and a component (contract §2): frames in, bytes out.
// Both sides use it.
#pragma once

#include "supe/async/watched_descriptor.hpp"
#include "supe/channel/frame.hpp"
#include "supe/text/pending_text.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace supe {

/// Never blocks. The other end stays as it is, blocking or not: each end has a file description of
/// its own. One coroutine calls turn() in a loop; anyone of the same thread appends to out() and
/// calls flush().
class channel {
public:
    /// While more output than this is unwritten, what can be left out is not added (a notice to a
    /// slow watcher).
    static constexpr std::size_t backlog_limit = 1u << 20;  // bytes
    /// On the way to the supervisor above: bytes that may be unwritten when one more is appended.
    /// Notices may be lost, mail and answers wait. Notices count by themselves, so that mail does
    /// not crowd them out. Mail has a share that notices cannot fill, and answers one that neither
    /// can.
    struct upward {
        static constexpr std::size_t notices = backlog_limit;  // of them alone
        static constexpr std::size_t mail = 2 * backlog_limit;
        static constexpr std::size_t answer = 4 * backlog_limit;
    };

    /// What turn() does while the other side does not read what we wrote. A supervisor stops
    /// reading: a child that leaves its answers unread cannot make it hold more of them. A
    /// component always reads: if both sides stopped, each in the middle of a large frame, neither
    /// would ever go on.
    enum class side { supervisor, component };

    /// `frame_limit` (bytes) is for what a component sends. What is delivered to it may be longer
    /// by `delivery_overhead`.
    channel(clock& c, unique_fd fd, side s, std::size_t frame_limit = default_frame_limit);

    /// Frames to send; complete with their newlines.
    std::string& out() { return out_; }
    /// Writes what the socket takes now. The rest goes out in turn().
    void flush();
    /// Bytes appended and not yet taken by the socket.
    std::size_t backlog() const { return out_.size() - written_; }
    /// No more than `most` bytes are unwritten. Who waits for room asks this, after each turn:
    /// where there is none the socket takes no more, so that a turn comes when it does.
    bool has_room(std::size_t most) {
        if (backlog() > most) flush();
        return backlog() <= most;
    }
    /// Bytes that the socket has taken so far.
    std::uint64_t written() const { return taken_ + written_; }

    using frame_sink = std::function<void(std::string_view frame)>;
    /// Writes what is pending, waits for input (or until it can write), reads once, and passes
    /// whole frames to `on_frame`, for a bounded time. False when the other side is gone.
    /// Throws operation_aborted when the coroutine is cancelled.
    awaitable<bool> turn(const frame_sink& on_frame);
    /// A turn in two steps, which saves a coroutine frame: `co_await ready()`, then take(). Where
    /// has_more(), a turn is take() alone, after all others had a turn of the event loop.
    /// Precondition: is_open().
    auto ready() {
        ask_for_work();
        return wake_.wait();
    }
    bool take(const frame_sink& on_frame);
    static constexpr std::size_t frames_per_turn = 256;
    /// What one frame asks for may take long, so the time is looked at after each.
    static constexpr std::chrono::milliseconds time_per_turn{2};
    /// The last turn left frames that it had read.
    bool has_more() const { return !unread_.empty() && may_read(); }
    /// The process at the other side is dead. Its last words are what has arrived by now: the turns
    /// pass these on, and the next one after them is false, although a descendant may hold the
    /// other end and write on. What is to be written is dropped.
    void end_after_arrived();

    /// Ends both directions; a waiting turn() returns false.
    void close();
    bool is_open() const { return open_; }
    /// The other side has ended, and had not read all that we wrote.
    bool has_left_unread() const { return left_unread_; }
    /// Frames skipped because they were too long, since the last call.
    std::size_t take_oversized() { return splitter_.take_oversized(); }
    /// Bytes read of a frame that has no newline yet; after the end of the channel: of a frame that
    /// was cut short.
    std::size_t unfinished() const { return splitter_.unfinished(); }
    std::size_t frame_limit() const { return frame_limit_; }

private:
    enum class outcome { data, nothing, closed };
    outcome read_once(const frame_sink& on_frame);
    std::size_t pass_on(std::string_view text, const frame_sink& on_frame);
    void ask_for_work();
    void drop_output();
    bool may_read() const;

    clock& clock_;
    std::size_t frame_limit_;
    side side_;
    watched_descriptor descriptor_;
    timer wake_;  // there may be something to read, or the socket takes output again
    frame_splitter splitter_;
    pending_text unread_;                 // read, and left for the next turn
    std::optional<std::size_t> arrived_;  // bytes to read, of a dead process
    std::string out_;
    std::size_t written_ = 0;  // of out_
    std::uint64_t taken_ = 0;  // of what was in out_ before
    bool open_ = true;
    bool left_unread_ = false;
};

}  // namespace supe
