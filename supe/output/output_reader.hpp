// Reads a child's two output pipes to their end, line by line.
#pragma once

#include "supe/async/watched_descriptor.hpp"
#include "supe/output/line_splitter.hpp"
#include "supe/output/sink.hpp"
#include "supe/text/pending_text.hpp"

#include <functional>
#include <optional>
#include <string>

namespace supe {

/// The output of one life of a child.
class output_reader {
public:
    using line_handler = std::function<void(stream, std::string_view line)>;

    output_reader(clock& c, unique_fd out, unique_fd err, line_sink& sink, line_handler on_line,
                  std::size_t limit = line_limit);

    /// Until at_end(): `co_await ready()`, then the sink's writable() while it is full, then
    /// take(). Where has_more(), a turn of the event loop in place of ready().
    auto ready() {
        out_.descriptor.when_readable(wake_);
        err_.descriptor.when_readable(wake_);
        return wake_.wait();
    }
    /// Reads once from each pipe, and passes on whole lines, `lines_per_turn` at most from each.
    /// Does not wait.
    void take();
    static constexpr std::size_t lines_per_turn = 512;
    /// The last turn left lines that it had read.
    bool has_more() const { return !out_.unread.empty() || !err_.unread.empty(); }
    /// The process is dead. Its last words are what is in the pipes by now: the turns pass these
    /// on, and close the pipes after them, although a descendant may hold the other ends and write
    /// on. Of more than `dead_limit` bytes, half of them from each pipe, a line reports the rest.
    void end_after_arrived();
    bool at_end() const { return !out_.open && !err_.open; }

    static constexpr std::size_t dead_limit = 1u << 20;  // bytes kept of a dead child, contract §6

private:
    struct pipe {
        pipe(loop_executor executor, unique_fd fd, stream s, std::size_t limit)
            : descriptor(executor, std::move(fd)), which(s), lines(limit) {}
        watched_descriptor descriptor;
        stream which;
        line_splitter lines;
        pending_text unread;                 // read, and left for the next turn
        std::optional<std::size_t> arrived;  // bytes to read, of a dead process
        bool is_cut = false;                 // more had arrived than is kept
        bool open = true;
    };
    void read_once(pipe& p);
    std::size_t pass_on(pipe& p, std::string_view text);
    void close(pipe& p);
    static void end_after_arrived(pipe& p);

    line_sink& sink_;
    line_handler on_line_;
    pipe out_, err_;
    timer wake_;  // a pipe may have something to read, or was closed
};

}  // namespace supe
