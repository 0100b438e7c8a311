// Shows how a descriptor wakes a coroutine: when there is something to read, and never after
// close(). A descriptor that the event loop refuses is closed. Real descriptors, the real event
// loop.
#include "supe/async/watched_descriptor.hpp"
#include "tests/support/event_loop.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <boost/test/unit_test.hpp>
#include <vector>

using namespace std::chrono_literals;

namespace {

struct pipe_ends {
    pipe_ends() {
        int fds[2];
        BOOST_REQUIRE(::pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
        out.reset(fds[0]);
        in.reset(fds[1]);
    }
    supe::unique_fd out, in;
};

supe::awaitable<> count_wakes(supe::timer& t, int& wakes) {
    for (;;) {
        co_await t.wait();
        ++wakes;
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(watched_descriptor)

// Either of two descriptors wakes one timer, once for each call.
BOOST_AUTO_TEST_CASE(wakes_once_for_each_call) {
    support::event_loop loop;
    supe::timer t(loop.time);
    int wakes = 0;
    supe::nursery tasks(loop.time);
    tasks.start(count_wakes(t, wakes));
    pipe_ends a, b;
    supe::watched_descriptor first(loop.time.executor(), std::move(a.out)),
        second(loop.time.executor(), std::move(b.out));
    first.when_readable(t);
    first.when_readable(t);
    second.when_readable(t);
    BOOST_REQUIRE(::write(b.in.get(), "x", 1) == 1);
    BOOST_TEST(loop.until([&] { return wakes == 1; }, 5s));
    BOOST_REQUIRE(::write(b.in.get(), "x", 1) == 1);  // there was no further call
    a.in.reset();                                     // an end of file is something to read
    BOOST_TEST(loop.until([&] { return wakes == 2; }, 5s));
    second.when_readable(t);  // bytes that have arrived already wake too
    BOOST_TEST(loop.until([&] { return wakes == 3; }, 5s));
}

// After close() no timer is woken, and nothing keeps the event loop waiting.
BOOST_AUTO_TEST_CASE(close_forgets_waiting_timers) {
    supe::asio::io_context loop(1);
    supe::real_clock time(loop.get_executor());
    auto t = std::make_unique<supe::timer>(time);
    pipe_ends a;
    supe::watched_descriptor d(loop.get_executor(), std::move(a.out));
    d.when_readable(*t);
    a.in.reset();
    d.close();
    t.reset();
    loop.run();
    BOOST_TEST(loop.stopped());
}

// A descriptor that epoll refuses (here an epoll in an epoll, nested too deep) is an error, and is
// closed.
BOOST_AUTO_TEST_CASE(a_refused_descriptor_is_closed) {
    support::event_loop loop;
    std::vector<supe::unique_fd> nest;
    for (bool fits = true; fits;) {
        supe::unique_fd outer(::epoll_create1(EPOLL_CLOEXEC));
        epoll_event any{};
        fits =
            nest.empty() || ::epoll_ctl(outer.get(), EPOLL_CTL_ADD, nest.back().get(), &any) == 0;
        if (fits) nest.push_back(std::move(outer));
    }
    const int number = nest.back().get();
    BOOST_CHECK_THROW(supe::watched_descriptor(loop.time.executor(), std::move(nest.back())),
                      supe::system_error);
    BOOST_TEST(::fcntl(number, F_GETFD) == -1);
}

BOOST_AUTO_TEST_SUITE_END()
