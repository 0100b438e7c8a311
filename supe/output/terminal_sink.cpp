#include "supe/output/terminal_sink.hpp"

#include "supe/async/blocking_work.hpp"
#include "supe/async/nursery.hpp"
#include "supe/text/terminal_text.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cstdlib>
#include <system_error>

namespace supe {
namespace {

bool is_set(const char* variable) {
    const char* value = std::getenv(variable);
    return value && *value;
}

bool same_file(int a, int b) {
    struct stat x{}, y{};
    return ::fstat(a, &x) == 0 && ::fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

}  // namespace

/// https://no-color.org: any value but the empty one.
colours colours_for(int fd) {
    const char* terminal = std::getenv("TERM");
    const bool shows = ::isatty(fd) == 1 && !is_set("NO_COLOR") &&
                       !(terminal && std::string_view(terminal) == "dumb");
    return shows ? colours::on : colours::off;
}

terminal_sink::end::end(clock& c, int fd)
    : writer(c, fd), shown(colours_for(fd)), is_terminal(::isatty(fd) == 1) {}

terminal_sink::terminal_sink(clock& c, output_format format, int out, int err)
    : clock_(c), format_(format), out_(c, out), space_(c), work_(c) {
    if (!same_file(out, err)) err_.emplace(c, err);
}

void terminal_sink::append(std::string& to, const end& e, stream s, std::string_view address,
                           std::string_view line) {
    const std::size_t begin = to.size();
    const std::string harmless = e.is_terminal ? terminal_line(line) : std::string();
    const std::string_view text = e.is_terminal ? harmless : line;
    switch (format_) {
        case output_format::text: return append_text_line(to, label_of(address), text, e.shown);
        case output_format::timed:
            return append_text_line(to, label_of(address), text, e.shown, stamp_.of(clock_.wall()));
        case output_format::json:
            append_json_line(to, stamp_.of(clock_.wall()), address, s, line);
            if (e.is_terminal) to.replace(begin, to.npos, terminal_json(to.substr(begin)));
            return;
        case output_format::relayed: return append_text_line(to, address, text, colours::off);
    }
}

void terminal_sink::write(stream s, std::string_view address, std::string_view line) {
    if (files_) files_->write(stamp_.of(clock_.wall()), address, s, line);
    end& e = of(s);
    if (e.writer.is_closed() || !may_keep(e, s, address, line.size() + 1)) return;
    put(s, address, line);
}

void terminal_sink::put(stream s, std::string_view address, std::string_view line) {
    end& e = of(s);
    // The disk was full: the loss is reported first, once the disk has space again.
    if (e.writer.lost_bytes() > 0) {
        std::string mark;
        append(mark, e, stream::err, "/",
               fmt::format("{} bytes of output could not be written here: {}",
                           e.writer.lost_bytes(), e.writer.lost_why()));
        e.writer.report_loss(mark);
    }
    append(e.writer.text(), e, s, address, line);
}

bool terminal_sink::may_keep(const end& e, stream s, std::string_view address, std::size_t bytes) {
    if (e.writer.waiting() <= full_at) return true;
    auto found = excess_.find(address);
    if (found == excess_.end()) found = excess_.emplace(std::string(address), excess{}).first;
    excess& of_address = found->second;
    if (of_address.kept + bytes <= dead_limit) {
        of_address.kept += bytes;
        return true;
    }
    ++of_address.dropped_lines;
    of_address.dropped_bytes += bytes;
    of_address.last = s;
    return false;
}

void terminal_sink::flush() {
    if (files_) files_->flush();
    out_.writer.flush();
    if (err_) err_->writer.flush();
    report_closed();
    report_loss();
    if (waiting() > 0 || (files_ && files_->has_work())) work_.notify();
}

/// Reports once that stdout is closed, so that an operator knows why no more lines appear.
void terminal_sink::report_closed() {
    if (!err_ || out_.closed_reported || !out_.writer.is_closed() || err_->writer.is_closed())
        return;
    out_.closed_reported = true;
    log_to(*this, "/",
           "our stdout has no reader any more; supe logs shows the output of the children");
}

/// Once when lines begin to be lost, at most once a minute, and once when they are kept again.
void terminal_sink::report_loss() {
    const std::string why = files_ ? files_->loss() : std::string();
    if (loses_ == !why.empty()) return;
    const time_point now = clock_.now();
    if (!why.empty() && now < next_loss_report_) return;
    loses_ = !why.empty();
    if (loses_) next_loss_report_ = now + std::chrono::minutes(1);
    log_to(*this, "/",
           loses_ ? fmt::format("the output is not kept (supe logs): {}", why)
                  : "the output is kept again");
}

bool terminal_sink::is_full() const {
    return out_.writer.waiting() > full_at || (err_ && err_->writer.waiting() > full_at);
}

awaitable<> terminal_sink::writable() {
    while (is_full()) co_await space_.wait();
}

void terminal_sink::report_dropped() {
    for (const auto& [address, x] : std::exchange(excess_, {})) {
        if (x.dropped_lines == 0) continue;
        put(x.last, address,
            fmt::format("[supe dropped {} lines, {} bytes: our output was not read fast enough]",
                        x.dropped_lines, x.dropped_bytes));
    }
}

awaitable<> terminal_sink::drain_one(end& e) {
    for (;;) {
        while (e.writer.waiting() == 0) co_await work_.wait();
        co_await e.writer.writable();
        flush();
        if (is_full()) continue;
        report_dropped();
        flush();
        space_.notify();
    }
}

/// A nested supervisor does not report its reader: that is ours, which reports its own.
awaitable<> terminal_sink::watch_reader() {
    for (;;) {
        while (!is_full()) co_await work_.wait();
        const time_point since = clock_.now(), limit = since + reader_patience;
        while (is_full() && clock_.now() < limit) co_await space_.wait_until(limit);
        if (!is_full()) continue;
        stuck_since_ = since;
        log_to(*this, "/",
               "our output is not read (for 5 s): children that print more wait until it is");
        while (is_full()) co_await space_.wait();
        stuck_since_ = never;
        log_to(*this, "/",
               fmt::format("our output is read again, after {:.0f} s",
                           std::chrono::duration<double>(clock_.now() - since).count()));
    }
}

awaitable<> terminal_sink::tidy_files() {
    for (;;) {
        while (!files_ || !files_->has_work()) co_await work_.wait();
        try {
            awaitable<> work = run_blocking(clock_.executor(), files_->take_work());
            co_await std::move(work);
        } catch (const std::system_error&) {  // no thread can be had: the next file asks again
        }
    }
}

awaitable<> terminal_sink::drain() {
    nursery all(clock_);
    all.start(drain_one(out_));
    if (err_) all.start(drain_one(*err_));
    if (format_ != output_format::relayed) all.start(watch_reader());
    all.start(tidy_files());
    co_await all.join();
}

awaitable<> terminal_sink::finish(duration patience) {
    flush();
    std::size_t left = waiting();
    for (time_point until = clock_.now() + patience; left > 0 && clock_.now() < until;) {
        co_await clock_.sleep_for(std::chrono::milliseconds(10));
        if (!is_full()) report_dropped();
        flush();
        if (waiting() < left) until = clock_.now() + patience;
        left = waiting();
    }
}

}  // namespace supe
