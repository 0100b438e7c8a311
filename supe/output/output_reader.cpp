#include "supe/output/output_reader.hpp"

#include <sys/ioctl.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

namespace supe {
namespace {

using read_buffer = std::array<char, 64 * 1024>;

/// On the heap, as that of a channel.
read_buffer& shared_buffer() {
    static thread_local const auto buffer = std::make_unique_for_overwrite<read_buffer>();
    return *buffer;
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

void output_reader::read_once(pipe& p) {
    if (!p.unread.empty()) {
        p.unread.take(pass_on(p, p.unread.view()));
        return;
    }
    auto& buffer = shared_buffer();
    const std::size_t most = std::min(buffer.size(), p.arrived.value_or(buffer.size()));
    if (most == 0) return close(p);
    const ssize_t n = ::read(p.descriptor.get(), buffer.data(), most);
    if (n > 0) {
        if (p.arrived) *p.arrived -= static_cast<std::size_t>(n);
        std::string_view read(buffer.data(), static_cast<std::size_t>(n));
        read.remove_prefix(pass_on(p, read));
        if (!read.empty()) p.unread.keep(read);
        return;
    }
    if (n < 0 && errno == EINTR) return;
    if (n < 0 && errno == EAGAIN && !p.arrived) return;
    close(p);
}

/// Returns how many bytes of `text` it took.
std::size_t output_reader::pass_on(pipe& p, std::string_view text) {
    const auto on_line = [&](std::string_view line) { on_line_(p.which, line); };
    return p.lines.feed(text, on_line, lines_per_turn);
}

void output_reader::close(pipe& p) {
    p.lines.finish([&](std::string_view line) { on_line_(p.which, line); });
    if (p.is_cut)
        on_line_(p.which, "[supe dropped the output beyond 512 KiB that was unread at its end]");
    p.open = false;
    p.descriptor.close();
    wake_.notify();
}

void output_reader::end_after_arrived() {
    for (pipe* p : {&out_, &err_})
        if (p->open) end_after_arrived(*p);
}

void output_reader::end_after_arrived(pipe& p) {
    int bytes = 0;
    ::ioctl(p.descriptor.get(), FIONREAD, &bytes);
    const auto arrived = static_cast<std::size_t>(std::max(bytes, 0));
    p.is_cut = arrived > dead_limit / 2;
    p.arrived = std::min(arrived, dead_limit / 2);
}

}  // namespace supe
