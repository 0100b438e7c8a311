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
    c.output->finish();
    BOOST_TEST(c.lines == (words{"o:one", "o:end without newline", "e:why"}));
    BOOST_TEST(c.output->at_end());
    loop.run_ready();
    BOOST_TEST(loop.running() == 0u);
}

// A process that holds the pipe of a dead child and writes without end is cut off at 1 MiB, with a
// mark.
BOOST_AUTO_TEST_CASE(an_endless_writer) {
    virtual_loop loop;
    std::unique_ptr<child> c = std::make_unique<child>(loop);
    const std::string line(99, 'x');
    std::size_t received = 0;
    bool marked = false;
    int out_fds[2];
    BOOST_TEST_REQUIRE(::pipe2(out_fds, O_CLOEXEC | O_NONBLOCK) == 0);
    supe::unique_fd writer(out_fds[1]);
    const auto write_more = [&] {
        const std::string text = line + "\n";
        while (::write(writer.get(), text.data(), text.size()) ==
               static_cast<ssize_t>(text.size())) {}
    };
    write_more();
    supe::output_reader output(loop.time(), supe::unique_fd(out_fds[0]), std::move(c->err),
                               c->output_sink, [&](supe::stream, std::string_view l) {
                                   received += l.size();
                                   if (l == line) write_more();
                                   marked = l.find("beyond 512 KiB") != l.npos;
                               });
    output.finish();
    BOOST_TEST(received <= 2u << 20);
    BOOST_TEST(received >= 1u << 19);
    BOOST_TEST(marked);
    BOOST_TEST(output.at_end());
}

BOOST_AUTO_TEST_SUITE_END()
