// Reads a child's two output pipes to their end, line by line.
#pragma once

#include "supe/async/watched_descriptor.hpp"
#include "supe/output/line_splitter.hpp"
#include "supe/output/sink.hpp"

#include <functional>
#include <string>

namespace supe {

/// The output of one life of a child.
class output_reader {
public:
    using line_handler = std::function<void(stream, std::string_view line)>;

    output_reader(clock& c, unique_fd out, unique_fd err, line_sink& sink, line_handler on_line,
                  std::size_t limit = line_limit);

    /// Until at_end(): `co_await ready()`, then the sink's writable() while it is full, then
    /// take().
    auto ready() {
        out_.descriptor.when_readable(wake_);
        err_.descriptor.when_readable(wake_);
        return wake_.wait();
    }
    /// Reads once from each pipe, and passes on whole lines. Does not wait.
    void take();
    /// The process is dead: reads what is in the pipes without waiting, and closes them. Reads at
    /// most `dead_limit` bytes, half of them from each pipe; a line reports what was dropped
    /// beyond.
    void finish();
    bool at_end() const { return !out_.open && !err_.open; }

    static constexpr std::size_t dead_limit = 1u << 20;  // bytes kept of a dead child, contract §6

private:
    struct pipe {
        pipe(loop_executor executor, unique_fd fd, stream s, std::size_t limit)
            : descriptor(executor, std::move(fd)), which(s), lines(limit) {}
        watched_descriptor descriptor;
        stream which;
        line_splitter lines;
        std::uint64_t read = 0;  // bytes so far
        bool open = true;
    };
    enum class outcome { data, nothing, closed };
    outcome read_once(pipe& p);
    void close(pipe& p);

    line_sink& sink_;
    line_handler on_line_;
    pipe out_, err_;
    timer wake_;  // a pipe may have something to read, or was closed
};

}  // namespace supe
