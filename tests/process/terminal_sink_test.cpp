// Shows that our output never blocks, and that lost output is reported (contract §6, last lines).
#include "supe/output/terminal_sink.hpp"
#include "supe/async/nursery.hpp"
#include "tests/support/file_size_limit.hpp"
#include "tests/support/files.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/virtual_loop.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>

using namespace supe;
using namespace std::chrono_literals;

namespace {

struct pipe_pair {
    unique_fd read, write;
    pipe_pair() {
        int fds[2];
        BOOST_REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
        read.reset(fds[0]);
        write.reset(fds[1]);
        ::fcntl(fds[0], F_SETFL, O_NONBLOCK);
    }
    std::string take() const {
        std::string all;
        char buffer[65536];
        for (ssize_t n; (n = ::read(read.get(), buffer, sizeof buffer)) > 0;)
            all.append(buffer, static_cast<std::size_t>(n));
        return all;
    }
};

struct bench {
    boost::asio::io_context loop{1};
    real_clock time{loop.get_executor()};
    pipe_pair out, err;
    bench() { std::signal(SIGPIPE, SIG_IGN); }

    /// Runs drain() beside `work` until `work` has ended.
    template <class Work>
    void run(terminal_sink& sink, Work work) {
        nursery all(time), service(time);
        service.start(sink.drain());
        const auto body = [&]() -> awaitable<> {
            co_await work();
            service.cancel();
            co_await service.join();
        };
        all.start(body());
        loop.run_for(20s);
        BOOST_TEST(all.size() == 0u);
    }
};

void put(terminal_sink& sink, stream s, std::string_view address, std::string_view line) {
    sink.write(s, address, line);
    sink.flush();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(terminal_sink)

// stdout goes to stdout, stderr and our own log to stderr; written at once, without colour when
// there is no terminal.
BOOST_AUTO_TEST_CASE(two_streams) {
    bench b;
    supe::terminal_sink sink(b.time, output_format::text, b.out.write.get(), b.err.write.get());
    put(sink, stream::out, "/web", "hello");
    put(sink, stream::err, "/dam/queue", "oops");
    log_to(sink, "/", "stopping");
    BOOST_TEST(b.out.take() == "[web] hello\n");
    BOOST_TEST(b.err.take() == "[/dam/queue] oops\n[supe] stopping\n");
}

// On a terminal the label has a colour; not elsewhere, not with NO_COLOR, and not in JSON.
BOOST_AUTO_TEST_CASE(colour_on_a_terminal) {
    bench b;
    const unique_fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    BOOST_REQUIRE((master && ::grantpt(master.get()) == 0 && ::unlockpt(master.get()) == 0));
    const unique_fd terminal(::open(::ptsname(master.get()), O_WRONLY | O_NOCTTY | O_CLOEXEC));
    const auto shown = [&](output_format format) {
        supe::terminal_sink sink(b.time, format, terminal.get(), b.err.write.get());
        put(sink, stream::out, "/web", "hello");
        char text[500];
        const ssize_t n = ::read(master.get(), text, sizeof text);
        return std::string(text, n > 0 ? static_cast<std::size_t>(n) : 0);
    };
    ::setenv("TERM", "xterm", 1);
    ::unsetenv("NO_COLOR");
    BOOST_TEST(shown(output_format::text).starts_with("\x1b[3"));
    BOOST_TEST(shown(output_format::json).starts_with("{\"at\":"));
    BOOST_TEST(shown(output_format::relayed).starts_with("[/web] hello"));
    ::setenv("NO_COLOR", "1", 1);
    BOOST_TEST(shown(output_format::text).starts_with("[web] hello"));
    ::unsetenv("NO_COLOR");
}

// A child's line does not drive the terminal, also without colours; its bytes are unchanged in a
// pipe.
BOOST_AUTO_TEST_CASE(control_characters) {
    bench b;
    const unique_fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    BOOST_REQUIRE((master && ::grantpt(master.get()) == 0 && ::unlockpt(master.get()) == 0));
    const unique_fd terminal(::open(::ptsname(master.get()), O_WRONLY | O_NOCTTY | O_CLOEXEC));
    const std::string evil = "\x1b]0;t\x07\xc2\x9b\x32J\x9b\x7f\r\tend";
    const auto shown = [&](output_format format) {
        supe::terminal_sink sink(b.time, format, terminal.get(), b.err.write.get());
        put(sink, stream::out, "/web", evil);
        char text[500];
        const ssize_t n = ::read(master.get(), text, sizeof text);
        put(sink, stream::err, "/web", evil);
        return std::string(text, n > 0 ? static_cast<std::size_t>(n) : 0);
    };
    ::setenv("NO_COLOR", "1", 1);
    const std::string text = shown(output_format::text);
    const std::string json = shown(output_format::json);
    ::unsetenv("NO_COLOR");
    BOOST_TEST(text.starts_with("[web] \\x1b]0;t\\x07\\xc2\\x9b2J\\x9b\\x7f\\x0d"), text);
    BOOST_TEST(json.find(R"("line":"\u001b]0;t\u0007\u009b2J\\x9b\u007f\r\tend")") != json.npos,
               json);
    BOOST_TEST(b.err.take().starts_with("[web] " + evil + "\n"));
}

// A pipe without a reader blocks no write; its flags stay unchanged for processes that share it.
BOOST_AUTO_TEST_CASE(an_unread_pipe_does_not_block) {
    bench b;
    supe::terminal_sink sink(b.time, output_format::text, b.out.write.get(), b.err.write.get());
    std::size_t lines = 0;
    for (; !sink.is_full(); ++lines) put(sink, stream::out, "/web", std::string(1000, 'x'));
    BOOST_TEST((::fcntl(b.out.write.get(), F_GETFL) & O_NONBLOCK) == 0);
    std::string seen;
    b.run(sink, [&]() -> awaitable<> {
        while (seen.size() < lines * 1007) {
            seen += b.out.take();
            co_await b.time.sleep_for(1ms);
        }
        co_await sink.writable();
    });
    BOOST_TEST(static_cast<std::size_t>(std::ranges::count(seen, '\n')) == lines);
    BOOST_TEST(seen.ends_with("xx\n"));
}

// While the sink is full, 1 MiB of each address is kept; the rest is counted and reported when it
// has space.
BOOST_AUTO_TEST_CASE(dropped_output_is_reported) {
    bench b;
    supe::terminal_sink sink(b.time, output_format::text, b.out.write.get(), b.err.write.get());
    const std::string line(999, 'x');
    while (!sink.is_full()) put(sink, stream::out, "/web", line);
    for (int i = 0; i < 3000; ++i) put(sink, stream::out, "/dead", line);
    put(sink, stream::out, "/other", "kept");
    std::string seen;
    b.run(sink, [&]() -> awaitable<> {
        while (seen.find("[supe dropped") == std::string::npos) {
            seen += b.out.take();
            co_await b.time.sleep_for(1ms);
        }
    });
    std::size_t kept = 0;
    for (std::size_t p = 0; (p = seen.find("[dead] x", p)) != std::string::npos; ++p) ++kept;
    BOOST_TEST(kept == supe::terminal_sink::dead_limit / 1000);
    BOOST_TEST(seen.find("[other] kept\n") != std::string::npos);
    const std::string mark = "[dead] [supe dropped " + std::to_string(3000 - kept) + " lines, " +
                             std::to_string((3000 - kept) * 1000) +
                             " bytes: our output was not read fast enough]\n";
    BOOST_TEST(seen.find(mark) != std::string::npos);
}

// When stdout and stderr are one pipe, a half-written line is not mixed with a line of the other
// stream.
BOOST_AUTO_TEST_CASE(one_pipe_for_both) {
    bench b;
    const unique_fd second(::dup(b.out.write.get()));
    supe::terminal_sink sink(b.time, output_format::text, b.out.write.get(), second.get());
    int lines = 0;
    for (; !sink.is_full(); ++lines)
        put(sink, lines % 2 ? stream::err : stream::out, "/web", std::string(997, 'x'));
    std::string seen;
    b.run(sink, [&]() -> awaitable<> {
        while (std::ranges::count(seen, '\n') < lines) {
            seen += b.out.take();
            co_await b.time.sleep_for(1ms);
        }
    });
    const std::string line = "[web] " + std::string(997, 'x') + "\n";
    for (std::size_t at = 0; at < seen.size(); at += line.size())
        BOOST_REQUIRE(seen.compare(at, line.size(), line) == 0);
}

// A full socket (the journal), or a descriptor that another process made non-blocking, loses
// nothing.
BOOST_AUTO_TEST_CASE(a_full_socket_loses_nothing) {
    bench b;
    int fds[2];
    BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    b.out.read.reset(fds[0]);
    const unique_fd ours(fds[1]);
    ::fcntl(fds[0], F_SETFL, O_NONBLOCK);
    ::fcntl(fds[1], F_SETFL, O_NONBLOCK);
    supe::terminal_sink sink(b.time, output_format::text, ours.get(), b.err.write.get());
    std::size_t lines = 0;
    for (; !sink.is_full(); ++lines) put(sink, stream::out, "/web", std::string(1000, 'x'));
    std::string seen;
    b.run(sink, [&]() -> awaitable<> {
        while (seen.size() < lines * 1007) {
            seen += b.out.take();
            co_await b.time.sleep_for(1ms);
        }
    });
    BOOST_TEST(static_cast<std::size_t>(std::ranges::count(seen, '\n')) == lines);
}

// A closed stdout is reported once on stderr; children go on, and no output is kept for it.
BOOST_AUTO_TEST_CASE(a_reader_that_went_away) {
    bench b;
    supe::terminal_sink sink(b.time, output_format::text, b.out.write.get(), b.err.write.get());
    b.out.read.reset();
    for (int i = 0; i < 10000; ++i) put(sink, stream::out, "/web", std::string(1000, 'x'));
    BOOST_TEST(!sink.is_full());
    put(sink, stream::err, "/web", "still here");
    BOOST_TEST(b.err.take() ==
               "[supe] our stdout has no reader any more; supe logs shows the output of the "
               "children\n[web] still here\n");
}

// A file on a full disk: lines are lost, no half line runs into another one, and the loss is
// reported when there is space.
BOOST_AUTO_TEST_CASE(a_full_disk) {
    bench b;
    const support::temporary_directory tmp;
    const unique_fd file(
        ::open((tmp / "out").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    supe::terminal_sink sink(b.time, output_format::text, file.get(), b.err.write.get());
    put(sink, stream::out, "/web", "before");
    {
        const support::file_size_limit full(20);
        for (int i = 0; i < 3; ++i) put(sink, stream::out, "/web", "lost");
    }
    put(sink, stream::out, "/web", "after");
    // "[web] before" is 13 bytes; then 7 of the 11 bytes of "[web] lost" fit.
    BOOST_TEST(support::read_file(tmp / "out") ==
               "[web] before\n[web] l\n[supe] 26 bytes of output could not be written here: File "
               "too large\n[web] after\n");
}

// Where the kept output loses lines, our log says so once, and once more when it is over.
BOOST_AUTO_TEST_CASE(output_that_is_not_kept) {
    bench b;
    const support::temporary_directory tmp;
    log_writer files(tmp.path());
    supe::terminal_sink sink(b.time, output_format::text, b.out.write.get(), b.err.write.get());
    sink.keep_in(files);
    put(sink, stream::out, "/web", "before");
    BOOST_TEST(b.err.take() == "");
    {
        const support::file_size_limit full(10);
        for (int i = 0; i < 3; ++i) put(sink, stream::out, "/web", "lost");
    }
    BOOST_TEST(b.err.take() == "[supe] the output is not kept (supe logs): File too large\n");
    put(sink, stream::out, "/web", "after");
    BOOST_TEST(b.err.take() == "[supe] the output is kept again\n");
}

// At the end the sink waits for a slow reader, and only for a bounded time for one that does not
// read.
BOOST_AUTO_TEST_CASE(the_last_lines) {
    bench b;
    supe::terminal_sink sink(b.time, output_format::text, b.out.write.get(), b.err.write.get());
    std::size_t lines = 0;
    for (; !sink.is_full(); ++lines) put(sink, stream::out, "/web", std::string(1000, 'x'));
    bool over = false;
    std::string seen;
    const auto reader = [&]() -> awaitable<> {
        while (!over) {
            char some[30000];
            const ssize_t n = ::read(b.out.read.get(), some, sizeof some);
            if (n > 0) seen.append(some, static_cast<std::size_t>(n));
            co_await b.time.sleep_for(5ms);
        }
    };
    nursery all(b.time);
    all.start(reader());
    const auto body = [&]() -> awaitable<> {
        co_await sink.finish(10s);
        over = true;
    };
    all.start(body());
    b.loop.run_for(20s);
    seen += b.out.take();
    BOOST_TEST(static_cast<std::size_t>(std::ranges::count(seen, '\n')) == lines);

    while (!sink.is_full()) put(sink, stream::out, "/web", std::string(1000, 'x'));
    bool resumed = false;
    const auto patience = [&]() -> awaitable<> {
        co_await sink.finish(30ms);
        resumed = true;
    };
    all.start(patience());
    b.loop.restart();
    b.loop.run_for(20s);
    BOOST_TEST(resumed);
}

// With the time before each line.
BOOST_AUTO_TEST_CASE(with_the_time) {
    bench b;
    supe::terminal_sink sink(b.time, output_format::timed, b.out.write.get(), b.err.write.get());
    put(sink, stream::out, "/web", "one");
    const std::string shown = b.out.take();
    BOOST_TEST(shown.size() == 24 + 11u);
    BOOST_TEST(shown.ends_with("Z [web] one\n"));
}

// A reader that lets the children wait for 5 s is reported, and so is that it reads again. A slow
// one is not reported.
BOOST_AUTO_TEST_CASE(a_reader_that_stopped) {
    support::virtual_loop loop;
    pipe_pair out, err;
    const support::temporary_directory tmp;
    log_writer files(tmp.path());
    supe::terminal_sink sink(loop.time(), output_format::text, out.write.get(), err.write.get());
    sink.keep_in(files);
    loop.start(sink.drain());
    const std::string line(1000, 'x');
    const auto fill = [&] {
        while (!sink.is_full()) put(sink, stream::out, "/web", line);
    };
    for (int i = 0; i < 3; ++i) {  // slow
        fill();
        loop.advance(4s);
        while (sink.is_full()) {
            out.take();
            loop.run_ready();
        }
    }
    BOOST_TEST(err.take() == "");
    fill();
    loop.advance(4s);
    BOOST_TEST(!sink.is_stuck());
    loop.advance(2s);
    BOOST_TEST(sink.is_stuck());
    const std::string stuck =
        "our output is not read (for 5 s): children that print more wait until it is";
    BOOST_TEST(err.take() == "[supe] " + stuck + "\n");
    loop.advance(1min);
    BOOST_TEST(err.take() == "");
    while (sink.is_full()) {
        out.take();
        loop.run_ready();
    }
    loop.run_ready();
    BOOST_TEST(!sink.is_stuck());
    BOOST_TEST(err.take() == "[supe] our output is read again, after 66 s\n");
    BOOST_TEST(support::read_file(tmp / "output.00000001.jsonl").find(stuck) != std::string::npos);
    loop.stop();
}

// Every line goes to the files too, also a line that the reader of stdout never gets.
BOOST_AUTO_TEST_CASE(kept_in_files) {
    bench b;
    const support::temporary_directory tmp;
    log_writer files(tmp.path());
    supe::terminal_sink sink(b.time, output_format::json, b.out.write.get(), b.err.write.get());
    sink.keep_in(files);
    put(sink, stream::out, "/web", "one");
    const std::string shown = b.out.take();
    BOOST_TEST(shown.ends_with("\"address\":\"/web\",\"stream\":\"stdout\",\"line\":\"one\"}\n"));
    BOOST_TEST(support::read_file(tmp / "output.00000001.jsonl") == shown);
    b.out.read.reset();
    for (int i = 0; i < 3; ++i) put(sink, stream::out, "/web", "unseen");
    log_reader reader(tmp.path());
    int kept = 0;
    while (auto record = reader.next()) kept += record->find("unseen") != std::string::npos;
    BOOST_TEST(kept == 3);
}

BOOST_AUTO_TEST_SUITE_END()
