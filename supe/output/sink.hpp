// Where labelled lines go. Never blocks whoever writes.
#pragma once

#include "supe/async/clock.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace supe {

enum class stream { out, err };

/// Takes whole lines of children, and of ourselves.
class line_sink {
public:
    virtual ~line_sink() = default;
    /// `label` is the child's name, or its address below the top; empty: the line has its label already.
    virtual void write(stream s, std::string_view label, std::string_view line) = 0;
    /// True when there is no room: whoever reads a child's pipe leaves it unread until room() resumes.
    virtual bool is_full() const { return false; }
    virtual awaitable<> room() { co_return; }
};

/// This process's stdout and stderr: `[NAME] line` (contract §6). The label has a colour on a terminal.
class terminal_sink final : public line_sink {
public:
    explicit terminal_sink(clock& c);
    void write(stream s, std::string_view label, std::string_view line) override;
    bool is_full() const override;
    awaitable<> room() override;
    /// Writes what the reader of our output had no time for; runs as long as the sink is used.
    awaitable<> drain();
    /// At the end: what can be written without waiting.
    void flush();

private:
    struct end {
        int fd;
        bool colour;
        std::string waiting;
        void flush();
        void append(std::string_view label, std::string_view line);
    };
    end& of(stream s) { return s == stream::out ? out_ : err_; }

    clock& clock_;
    end out_, err_;
    timer room_;
    timer work_;
};

/// One line of our own log, to stderr: `[supe] text`.
void log_to(line_sink& sink, std::string_view who, std::string_view text);

}  // namespace supe
