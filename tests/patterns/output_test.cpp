// Shows that lines are written whole to any kind of pipe.
#include "patterns/output.hpp"
#include "supe/async/unique_fd.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <thread>

namespace {

struct pipe_pair {
    supe::unique_fd read, write;
    explicit pipe_pair(int flags = O_CLOEXEC) {
        int fds[2];
        BOOST_REQUIRE(::pipe2(fds, flags) == 0);
        read.reset(fds[0]);
        write.reset(fds[1]);
    }
};

/// All bytes up to the end of file.
std::string read_all(int fd) {
    ::fcntl(fd, F_SETFL, 0);
    std::string all(1 << 20, '\0');
    std::size_t size = 0;
    for (ssize_t n = 1; n > 0; size += static_cast<std::size_t>(std::max<ssize_t>(n, 0)))
        n = ::read(fd, all.data() + size, all.size() - size);
    all.resize(size);
    return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(output)

// A line and its newline are one write: the reader of a packet pipe gets each line separately.
BOOST_AUTO_TEST_CASE(one_write_a_line) {
    const pipe_pair p(O_CLOEXEC | O_DIRECT);
    patterns::print_line(p.write.get(), "first");
    patterns::print_line(p.write.get(), "");
    char text[64];
    BOOST_TEST(::read(p.read.get(), text, sizeof text) == 6);
    BOOST_TEST(std::string(text, 6) == "first\n");
    BOOST_TEST(::read(p.read.get(), text, sizeof text) == 1);
}

// A full pipe that another process made non-blocking: the line waits for space and arrives whole.
BOOST_AUTO_TEST_CASE(waits_for_space_in_a_non_blocking_pipe) {
    pipe_pair p(O_CLOEXEC | O_NONBLOCK);
    const std::string line(300000, 'x');
    std::string got;
    std::thread reader([&] { got = read_all(p.read.get()); });
    patterns::print_line(p.write.get(), line);
    p.write.reset();
    reader.join();
    BOOST_TEST(got.size() == line.size() + 1);
    BOOST_TEST(got == line + "\n");
}

// Without a reader the line is dropped, and nothing else happens.
BOOST_AUTO_TEST_CASE(no_reader_is_no_failure) {
    pipe_pair p;
    p.read.reset();
    const auto before = std::signal(SIGPIPE, SIG_IGN);
    patterns::print_line(p.write.get(), "into the void");
    std::signal(SIGPIPE, before);
    BOOST_TEST(true);
}

BOOST_AUTO_TEST_SUITE_END()
