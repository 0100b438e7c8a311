// A file of plain lines that is bounded by size and count: a child's own log (contract §5, `log`).
#pragma once

#include "supe/async/timer.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace supe {

struct rotation {
    std::size_t size = 10u << 20;  ///< bytes; a file that would be longer is followed by a new one
    unsigned count = 5;            ///< files in all: FILE, FILE.1 (the one before it), FILE.2 …
};

/// It is opened for each batch of lines. So it takes no descriptor, others may move or delete it at
/// any time (logrotate), and a new one is made then. What cannot be written is dropped, and
/// reported now and then.
class rotating_file {
public:
    explicit rotating_file(std::string file) : file_(std::move(file)) {}

    void write(std::string_view line);
    /// Writes the gathered lines. Returns what is to be reported, at most one line a minute; empty
    /// where nothing is.
    std::string flush(const rotation& limits, time_point now);
    /// Nothing waits, and no loss is unreported: this object can be forgotten.
    bool is_clean() const { return text_.empty() && lost_lines_ == 0; }

private:
    std::string append(const rotation& limits);
    std::string rotate(const rotation& limits);

    std::string file_;
    std::string text_;
    std::size_t lost_lines_ = 0;
    time_point next_report_{};
};

}  // namespace supe
