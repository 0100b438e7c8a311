// Shows the order of things in virtual time, and that the real clock keeps the same promises.
#include "supe/async/clock.hpp"
#include "tests/support/virtual_loop.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::awaitable;
using support::virtual_loop;
using words = std::vector<std::string>;

namespace {

awaitable<> say_at(supe::clock& time, supe::time_point when, std::string word, words& said) {
    co_await time.sleep_until(when);
    said.push_back(word);
}

awaitable<> say_when_notified(supe::condition& c, supe::time_point deadline, std::string word,
                              words& said) {
    co_await c.wait_until(deadline);
    said.push_back(word);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(timers)

// Virtual time: by deadline, and by order of registration where deadlines are equal; time stands
// still in between.
BOOST_AUTO_TEST_CASE(order_of_deadlines) {
    virtual_loop loop;
    words said;
    const auto begin = loop.now();
    for (const auto& [after, word] : std::vector<std::pair<supe::duration, std::string>>{
             {3s, "c"}, {1s, "a1"}, {2s, "b"}, {1s, "a2"}, {0s, "now"}, {-1s, "past"}, {1s, "a3"}})
        loop.start(say_at(loop.time(), begin + after, word, said));
    loop.run_ready();
    BOOST_TEST(said == (words{"now", "past"}));
    BOOST_TEST((loop.now() == begin));
    loop.advance(2s);
    BOOST_TEST(said == (words{"now", "past", "a1", "a2", "a3", "b"}));
    BOOST_TEST((loop.now() == begin + 2s));
    loop.advance(10s);
    BOOST_TEST(said.back() == "c");
    BOOST_TEST(loop.armed() == 0u);
}

// What is due in a span sees the time of its own deadline, not the end of the span.
BOOST_AUTO_TEST_CASE(each_sees_its_own_time) {
    virtual_loop loop;
    std::vector<supe::time_point> seen;
    const auto begin = loop.now();
    const auto tick = [&]() -> awaitable<> {
        for (;;) {
            co_await loop.time().sleep_for(1s);
            seen.push_back(loop.now());
        }
    };
    loop.start(tick());
    loop.advance(3500ms);
    BOOST_TEST((seen == std::vector<supe::time_point>{begin + 1s, begin + 2s, begin + 3s}));
}

// A deadline that is moved wakes the waiter to look again; a timer that goes out of scope leaves
// nothing behind.
BOOST_AUTO_TEST_CASE(a_moved_deadline) {
    virtual_loop loop;
    words said;
    {
        supe::timer t(loop.time());
        t.expires_at(loop.now() + 1h);
        const auto wait = [&]() -> awaitable<> {
            const auto deadline = [&] { return t.expiry(); };
            while (loop.now() < deadline()) co_await t.wait();
            said.push_back("woke");
        };
        loop.start(wait());
        loop.run_ready();
        t.expires_at(loop.now() + 1s);
        loop.advance(1s);
        BOOST_TEST(said == words{"woke"});
        t.expires_at(loop.now() + 1h);
        BOOST_TEST(loop.armed() == 1u);
    }
    BOOST_TEST(loop.armed() == 0u);
}

// Who waits at a timer that goes first can still be cancelled: no nursery waits for it in vain.
BOOST_AUTO_TEST_CASE(a_timer_that_goes_first) {
    virtual_loop loop;
    auto t = std::make_unique<supe::timer>(loop.time());
    supe::nursery n(loop.time());
    n.start([](supe::timer& at) -> awaitable<> { co_await at.wait(); }(*t));
    loop.run_ready();
    t.reset();
    n.cancel();
    loop.run(n.join());
    BOOST_TEST(n.size() == 0u);
}

// A cancelled sleep throws operation_aborted and disarms its timer.
BOOST_AUTO_TEST_CASE(a_cancelled_sleep) {
    virtual_loop loop;
    words said;
    supe::nursery n(loop.time());
    n.start(say_at(loop.time(), loop.now() + 1h, "never", said));
    loop.run_ready();
    BOOST_TEST(loop.armed() == 1u);
    n.cancel();
    loop.run(n.join());
    BOOST_TEST(said.empty());
    BOOST_TEST(loop.armed() == 0u);
}

// A condition wakes all who wait now, with and without a deadline, and not who comes later.
BOOST_AUTO_TEST_CASE(a_condition_wakes_all) {
    virtual_loop loop;
    words said;
    supe::condition c(loop.time());
    loop.start(say_when_notified(c, supe::never, "a", said));
    loop.start(say_when_notified(c, loop.now() + 1h, "b", said));
    loop.start(say_when_notified(c, loop.now() + 1s, "c", said));
    loop.advance(1s);
    BOOST_TEST(said == words{"c"});
    c.notify();
    loop.run_ready();
    BOOST_TEST(said.size() == 3u);
    loop.start(say_when_notified(c, supe::never, "d", said));
    loop.run_ready();
    BOOST_TEST(said.size() == 3u);
    BOOST_TEST(loop.armed() == 0u);
    c.notify();
    loop.run_ready();
}

// The real clock: a past deadline is no wait, a near one is waited for, and notify() cuts it short.
BOOST_AUTO_TEST_CASE(the_real_clock) {
    boost::asio::io_context loop(1);
    supe::real_clock time(loop.get_executor());
    words said;
    supe::nursery n(time);
    supe::condition c(time);
    const auto begin = time.now();
    n.start(say_at(time, begin - 1s, "past", said));
    n.start(say_at(time, begin + 1ms, "near", said));
    n.start(say_when_notified(c, begin + 1h, "notified", said));
    const auto notify = [&]() -> awaitable<> {
        co_await time.sleep_until(begin + 5ms);
        c.notify();
    };
    n.start(notify());
    loop.run();
    BOOST_TEST(said == (words{"past", "near", "notified"}));
    BOOST_TEST((time.now() - begin >= 5ms));
}

BOOST_AUTO_TEST_SUITE_END()
