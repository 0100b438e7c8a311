// Shows how a child's output is read: whole lines, both streams, a full sink, and a dead child
// (contract §6).
#include "supe/output/output_reader.hpp"
#include "tests/support/virtual_loop.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::awaitable;
using support::virtual_loop;
using words = std::vector<std::string>;

namespace {

/// A sink that can be full.
struct sink final : supe::line_sink {
    explicit sink(virtual_loop& loop) : changed(loop.time()) {}
    void write(supe::stream, std::string_view, std::string_view) override {}
    bool is_full() const override { return full; }
    awaitable<> writable() override {
        while (full) co_await changed.wait();
    }
    bool full = false;
    supe::timer changed;
};

/// A child's pipes, and the lines of the output_reader.
struct child {
    explicit child(virtual_loop& loop) : output_sink(loop) {
        int out_fds[2], err_fds[2];
        BOOST_TEST_REQUIRE(::pipe2(out_fds, O_CLOEXEC | O_NONBLOCK) == 0);
        BOOST_TEST_REQUIRE(::pipe2(err_fds, O_CLOEXEC | O_NONBLOCK) == 0);
        out.reset(out_fds[1]);
        err.reset(err_fds[1]);
        output = std::make_unique<supe::output_reader>(
            loop.time(), supe::unique_fd(out_fds[0]), supe::unique_fd(err_fds[0]), output_sink,
            [this](supe::stream s, std::string_view line) {
                lines.push_back((s == supe::stream::out ? "o:" : "e:") + std::string(line));
            });
    }
    static void say(supe::unique_fd& fd, std::string_view text) {
        BOOST_TEST_REQUIRE(::write(fd.get(), text.data(), text.size()) ==
                           static_cast<ssize_t>(text.size()));
    }

    sink output_sink;
    supe::unique_fd out, err;
    std::unique_ptr<supe::output_reader> output;
    words lines;
};

/// As child::read_what_has_arrived().
void read_last_words(supe::output_reader& output) {
    output.end_after_arrived();
    while (!output.at_end()) output.take();
}

/// As child::run_output().
supe::awaitable<> read_to_end(child& c) {
    while (!c.output->at_end()) {
        co_await c.output->ready();
        while (c.output_sink.is_full()) co_await c.output_sink.writable();
        c.output->take();
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(output_reader)

// Lines of both streams, as they come; the last line of each, without its newline, comes at the end
// of file.
BOOST_AUTO_TEST_CASE(both_streams) {
    virtual_loop loop;
    child c(loop);
    loop.start(read_to_end(c));
    child::say(c.out, "one\ntw");
    loop.run_ready();
    child::say(c.err, "oops\n");
    loop.run_ready();
    BOOST_TEST(c.lines == (words{"o:one", "e:oops"}));
    child::say(c.out, "o\nthree");
    loop.run_ready();
    c.out.reset();
    loop.run_ready();
    BOOST_TEST(c.lines == (words{"o:one", "e:oops", "o:two", "o:three"}));
    BOOST_TEST(!c.output->at_end());
    child::say(c.err, "last");
    c.err.reset();
    loop.run_ready();
    BOOST_TEST(c.lines.back() == "e:last");
    BOOST_TEST(c.output->at_end());
    BOOST_TEST(loop.running() == 0u);
}

// While the sink is full the pipes stay unread; then all comes, in order.
BOOST_AUTO_TEST_CASE(a_full_sink) {
    virtual_loop loop;
    child c(loop);
    c.output_sink.full = true;
    loop.start(read_to_end(c));
    child::say(c.out, "one\n");
    loop.run_ready();
    BOOST_TEST(c.lines.empty());
    c.output_sink.full = false;
    c.output_sink.changed.notify();
    loop.run_ready();
    BOOST_TEST(c.lines == words{"o:one"});
    c.out.reset();
    c.err.reset();
    loop.run_ready();
}

// A dead child: what is in the pipes is read at once, although a grandchild holds them open.
BOOST_AUTO_TEST_CASE(a_dead_child) {
    virtual_loop loop;
    child c(loop);
    loop.start(read_to_end(c));
    loop.run_ready();
    child::say(c.out, "one\nend without newline");
    child::say(c.err, "why\n");
    read_last_words(*c.output);
    BOOST_TEST(c.lines == (words{"o:one", "e:why", "o:end without newline"}));
    BOOST_TEST(c.output->at_end());
    loop.run_ready();
    BOOST_TEST(loop.running() == 0u);
}

/// A pipe with this text in it, read by an output_reader.
struct full_pipe {
    explicit full_pipe(int size) {
        int fds[2];
        BOOST_TEST_REQUIRE(::pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
        reader.reset(fds[0]);
        writer.reset(fds[1]);
        BOOST_TEST_REQUIRE(::fcntl(fds[1], F_SETPIPE_SZ, size) >= size);
        fill();
    }
    void fill() {
        const std::string text = line + "\n";
        while (::write(writer.get(), text.data(), text.size()) ==
               static_cast<ssize_t>(text.size())) {}
    }
    const std::string line = std::string(99, 'x');
    supe::unique_fd reader, writer;
};

// A process that holds the pipe of a dead child and writes without end: what had arrived at the
// child's death is read, and nothing after it.
BOOST_AUTO_TEST_CASE(an_endless_writer) {
    virtual_loop loop;
    child c(loop);
    full_pipe pipe(64 << 10);
    std::size_t received = 0;
    supe::output_reader output(loop.time(), std::move(pipe.reader), std::move(c.err), c.output_sink,
                               [&](supe::stream, std::string_view l) {
                                   received += l.size() + 1;
                                   pipe.fill();
                               });
    read_last_words(output);
    BOOST_TEST(received <= 64u << 10);
    BOOST_TEST(received >= 60u << 10);
    BOOST_TEST(output.at_end());
}

// Of a dead child's output 512 KiB a pipe are kept, and a line reports that there was more.
BOOST_AUTO_TEST_CASE(too_many_last_words) {
    virtual_loop loop;
    child c(loop);
    full_pipe pipe(1 << 20);
    std::size_t received = 0;
    std::string last;
    supe::output_reader output(loop.time(), std::move(pipe.reader), std::move(c.err), c.output_sink,
                               [&](supe::stream, std::string_view l) {
                                   received += l.size() + 1;
                                   last = l;
                               });
    read_last_words(output);
    BOOST_TEST(received <= 513u << 10);
    BOOST_TEST(received >= 512u << 10);
    BOOST_TEST(last.find("beyond 512 KiB") != last.npos);
}

// A turn passes on a bounded number of lines, and leaves the rest to the next ones, in order.
BOOST_AUTO_TEST_CASE(a_turn_is_bounded) {
    constexpr std::size_t most = supe::output_reader::lines_per_turn;
    virtual_loop loop;
    child c(loop);
    std::string text;
    for (std::size_t n = 0; n < 2 * most + 1; ++n) text += std::to_string(n) + "\n";
    child::say(c.out, text);
    c.output->take();
    BOOST_TEST(c.lines.size() == most);
    BOOST_TEST(c.output->has_more());
    c.output->take();
    c.output->take();
    BOOST_TEST(c.lines.size() == 2 * most + 1);
    BOOST_TEST(c.lines.back() == "o:" + std::to_string(2 * most));
    BOOST_TEST(!c.output->has_more());
}

BOOST_AUTO_TEST_SUITE_END()
