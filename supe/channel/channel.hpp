// One end of the socket between a supervisor and a component (contract §2): frames in, bytes out. Both sides use it.
#pragma once

#include "supe/async/clock.hpp"
#include "supe/channel/frame.hpp"
#include "supe/process/unique_fd.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <string>

namespace supe {

/// Never blocks, and never sets the descriptor to non-blocking: the other end, or another process, may share it.
/// One coroutine calls turn() in a loop; anyone of the same thread appends to out() and calls flush().
class channel {
public:
    /// Unwritten output beyond this, and turn() reads no more until the other side has read: a side that does not
    /// read its answers cannot make us hold more of them.
    static constexpr std::size_t backlog_limit = 1u << 20;  // bytes

    channel(asio::any_io_executor executor, unique_fd fd, std::size_t frame_limit = default_frame_limit);

    /// Frames to send; complete with their newlines.
    std::string& out() { return out_; }
    /// Writes what the socket takes now. The rest goes out in turn().
    void flush();
    /// Bytes appended and not yet taken by the socket.
    std::size_t backlog() const { return out_.size() - written_; }

    using frame_sink = std::function<void(std::string_view frame)>;
    /// Writes what waits, waits for input (or for room to write), reads once and hands out whole frames.
    /// False when the other side is gone. Throws operation_aborted when the coroutine is cancelled.
    awaitable<bool> turn(const frame_sink& on_frame);
    /// Reads what is there already, to the end of file: a dead child's last words. Does not wait.
    /// False when the end was reached.
    bool drain(const frame_sink& on_frame);

    /// Ends both directions; a waiting turn() returns false.
    void close();
    bool is_open() const { return open_; }
    std::size_t take_oversized() { return splitter_.take_oversized(); }
    std::size_t unfinished() const { return splitter_.unfinished(); }

private:
    enum class outcome { data, nothing, closed };
    outcome read_once(const frame_sink& on_frame);
    awaitable<> wait_for_work();

    asio::posix::stream_descriptor descriptor_;
    frame_splitter splitter_;
    std::string out_;
    std::size_t written_ = 0;
    bool waits_without_write_ = false;
    bool open_ = true;
};

}  // namespace supe
