#include "supe/output/output_reader.hpp"

#include <unistd.h>
#include <array>
#include <cerrno>

namespace supe {
namespace {

std::array<char, 64 * 1024>& shared_buffer() {
    static thread_local std::array<char, 64 * 1024> buffer;
    return buffer;
}

}  // namespace

output_reader::output_reader(clock& c, unique_fd out, unique_fd err, line_sink& sink,
                             line_handler on_line, std::size_t limit)
    : sink_(sink), on_line_(std::move(on_line)),
      out_(c.executor(), std::move(out), stream::out, limit),
      err_(c.executor(), std::move(err), stream::err, limit), wake_(c) {}

void output_reader::take() {
    if (out_.open) read_once(out_);
    if (err_.open) read_once(err_);
    sink_.flush();
}

output_reader::outcome output_reader::read_once(pipe& p) {
    auto& buffer = shared_buffer();
    const ssize_t n = ::read(p.descriptor.get(), buffer.data(), buffer.size());
    if (n > 0) {
        p.read += static_cast<std::size_t>(n);
        p.lines.feed(std::string_view(buffer.data(), static_cast<std::size_t>(n)),
                     [&](std::string_view line) { on_line_(p.which, line); });
        return outcome::data;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return outcome::nothing;
    close(p);
    return outcome::closed;
}

void output_reader::close(pipe& p) {
    p.lines.finish([&](std::string_view line) { on_line_(p.which, line); });
    p.open = false;
    p.descriptor.close();
    wake_.notify();
}

void output_reader::finish() {
    for (pipe* p : {&out_, &err_}) {
        const std::size_t limit = p->read + dead_limit / 2;
        outcome last = outcome::data;
        while (p->open && p->read < limit && last == outcome::data) last = read_once(*p);
        if (!p->open) continue;
        close(*p);
        if (last == outcome::data)
            on_line_(p->which,
                     "[supe dropped the output beyond 512 KiB that was unread at its end]");
    }
    sink_.flush();
}

}  // namespace supe
