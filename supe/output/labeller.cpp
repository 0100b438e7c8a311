#include "supe/output/labeller.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cerrno>
#include <unistd.h>

namespace supe {
namespace {

using wait_type = asio::posix::stream_descriptor::wait_type;

std::array<char, 64 * 1024>& shared_buffer() {
    static thread_local std::array<char, 64 * 1024> buffer;
    return buffer;
}

}  // namespace

labeller::labeller(asio::any_io_executor executor, unique_fd out, unique_fd err, line_sink& sink, line_handler on_line,
                   std::size_t limit)
    : sink_(sink), on_line_(std::move(on_line)), out_(executor, std::move(out), stream::out, limit),
      err_(executor, std::move(err), stream::err, limit) {}

awaitable<> labeller::wait_readable() {
    error_code ignored;
    if (out_.open && err_.open) {
        auto either = asio::experimental::make_parallel_group(out_.descriptor.async_wait(wait_type::wait_read, asio::deferred),
                                                              err_.descriptor.async_wait(wait_type::wait_read, asio::deferred));
        co_await either.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    } else {
        pipe& last = out_.open ? out_ : err_;
        co_await last.descriptor.async_wait(wait_type::wait_read, asio::redirect_error(asio::use_awaitable, ignored));
    }
    auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) throw system_error(asio::error::operation_aborted);
}

awaitable<> labeller::read_to_end() {
    while (!at_end()) {
        co_await wait_readable();
        // Looked at last: of a thousand children that wait here, each would read once more into a full sink.
        while (sink_.is_full()) co_await sink_.room();
        if (out_.open) read_once(out_);
        if (err_.open) read_once(err_);
        sink_.flush();
    }
}

labeller::outcome labeller::read_once(pipe& p) {
    auto& buffer = shared_buffer();
    const ssize_t n = ::read(p.descriptor.native_handle(), buffer.data(), buffer.size());
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

void labeller::close(pipe& p) {
    p.lines.finish([&](std::string_view line) { on_line_(p.which, line); });
    p.open = false;
    error_code ignored;
    p.descriptor.close(ignored);
}

void labeller::finish() {
    for (pipe* p : {&out_, &err_}) {
        const std::size_t limit = p->read + dead_limit / 2;
        outcome last = outcome::data;
        while (p->open && p->read < limit && last == outcome::data) last = read_once(*p);
        if (!p->open) continue;
        close(*p);
        if (last == outcome::data) on_line_(p->which, "[what was written after 1 MiB was dropped]");
    }
    sink_.flush();
}

}  // namespace supe
