#include "supe/output/sink.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

namespace supe {
namespace {

constexpr std::size_t full_at = 256u << 10;      // bytes waiting for a reader
constexpr std::size_t atomic_write = 4096;       // a pipe that poll calls writable takes this much without blocking
constexpr std::chrono::milliseconds look_again{20};

/// A colour that stays the same for the same name: six that read well on dark and on light.
int colour_of(std::string_view label) {
    std::uint32_t hash = 2166136261u;
    for (const char c : label) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    return 31 + static_cast<int>(hash % 6);
}

bool writable(int fd) {
    pollfd p{fd, POLLOUT, 0};
    return ::poll(&p, 1, 0) > 0;
}

}  // namespace

terminal_sink::terminal_sink(clock& c)
    : clock_(c), out_{STDOUT_FILENO, ::isatty(STDOUT_FILENO) == 1, {}}, err_{STDERR_FILENO, ::isatty(STDERR_FILENO) == 1, {}},
      room_(c), work_(c) {}

void terminal_sink::end::append(std::string_view label, std::string_view line) {
    if (label.empty() && colour && line.starts_with('[')) {  // a nested supervisor's line, labelled there
        const std::size_t close = line.find("] ");
        if (close != std::string_view::npos) return append(line.substr(1, close - 1), line.substr(close + 2));
    }
    if (!label.empty() && colour) {
        fmt::format_to(std::back_inserter(waiting), "\x1b[{}m[{}]\x1b[0m ", colour_of(label), label);
    } else if (!label.empty()) {
        waiting += '[';
        waiting += label;
        waiting += "] ";
    }
    waiting += line;
    waiting += '\n';
}

/// Our stdout may be shared with others, so it is not set to non-blocking: poll, then no more than surely fits.
void terminal_sink::end::flush() {
    std::size_t written = 0;
    while (written < waiting.size() && writable(fd)) {
        const ssize_t n = ::write(fd, waiting.data() + written, std::min(atomic_write, waiting.size() - written));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {  // nobody will ever read it
            waiting.clear();
            return;
        }
        written += static_cast<std::size_t>(n);
    }
    waiting.erase(0, written);
}

void terminal_sink::write(stream s, std::string_view label, std::string_view line) {
    end& e = of(s);
    e.append(label, line);
    if (e.waiting.size() < atomic_write || e.waiting.size() % atomic_write < 512) e.flush();
    if (!e.waiting.empty()) work_.notify();
}

bool terminal_sink::is_full() const { return out_.waiting.size() > full_at || err_.waiting.size() > full_at; }

awaitable<> terminal_sink::room() {
    while (is_full()) co_await room_.wait();
}

awaitable<> terminal_sink::drain() {
    for (;;) {
        while (out_.waiting.empty() && err_.waiting.empty()) co_await work_.wait();
        flush();
        if (!is_full()) room_.notify();
        // A terminal or file cannot be waited for by epoll in every case: look again soon instead.
        if (!out_.waiting.empty() || !err_.waiting.empty()) co_await clock_.sleep_for(look_again);
    }
}

void terminal_sink::flush() {
    out_.flush();
    err_.flush();
}

void log_to(line_sink& sink, std::string_view who, std::string_view text) { sink.write(stream::err, who, text); }

}  // namespace supe
