// Where lines of output go. Never blocks whoever writes.
#pragma once

#include "supe/async/awaitable.hpp"
#include "supe/output/output_line.hpp"

#include <string_view>

namespace supe {

/// Takes whole lines of children, and of our own log.
class line_sink {
public:
    virtual ~line_sink() = default;
    /// `address` says whose line it is: from the root, `/` for the root itself.
    virtual void write(stream s, std::string_view address, std::string_view line) = 0;
    /// Lines may be gathered until then: called after each batch of them.
    virtual void flush() {}
    /// True when there is no room: whoever reads a child's pipe leaves it unread until writable()
    /// resumes.
    virtual bool is_full() const { return false; }
    virtual awaitable<> writable() { co_return; }
};

/// One line of our own log.
inline void log_to(line_sink& sink, std::string_view address, std::string_view text) {
    sink.write(stream::err, address, text);
    sink.flush();
}

}  // namespace supe
