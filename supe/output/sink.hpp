// The destination of output lines. Never blocks its callers.
#pragma once

#include "supe/async/awaitable.hpp"
#include "supe/output/output_line.hpp"

#include <string_view>

namespace supe {

/// Takes whole lines: of children, and of our own log.
class line_sink {
public:
    virtual ~line_sink() = default;
    /// `address`: of the child whose line it is, from the root; `/` for the root itself.
    virtual void write(stream s, std::string_view address, std::string_view line) = 0;
    /// Called after each batch of lines. A sink may gather lines until then.
    virtual void flush() {}
    /// True when too much is unwritten: a reader of a child's pipe waits for writable() before it
    /// reads on.
    virtual bool is_full() const { return false; }
    virtual awaitable<> writable() { co_return; }
    /// True when whoever reads our output has let the children wait for some seconds.
    virtual bool is_stuck() const { return false; }
};

/// Writes one line of our own log.
inline void log_to(line_sink& sink, std::string_view address, std::string_view text) {
    sink.write(stream::err, address, text);
    sink.flush();
}

}  // namespace supe
