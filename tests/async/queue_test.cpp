// Shows that the queue keeps order, its bound and every item, whoever is cancelled.
#include "supe/async/queue.hpp"
#include "tests/support/virtual_loop.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>

using namespace std::chrono_literals;
using supe::awaitable;
using support::virtual_loop;
using numbers = std::vector<int>;

namespace {

awaitable<> take_all(supe::queue<int>& q, numbers& taken) {
    while (auto n = co_await q.pop()) taken.push_back(*n);
    taken.push_back(-1);
}

awaitable<> take_one_until(supe::queue<int>& q, supe::time_point deadline, numbers& taken) {
    const auto n = co_await q.pop_until(deadline);
    taken.push_back(n.value_or(-1));
}

awaitable<> put(supe::queue<int>& q, int n, numbers& put_in) {
    const bool done = co_await q.push(n);
    put_in.push_back(done ? n : -n);
}

/// Whoever waits is notified, and cancelled before it runs. From inside the loop: cancel() takes
/// effect at once there.
awaitable<> push_and_cancel(supe::queue<int>& q, supe::nursery& n) {
    q.try_push(1);
    n.cancel();
    co_return;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(queue)

// First in, first out, and no more than the bound.
BOOST_AUTO_TEST_CASE(order_and_bound) {
    virtual_loop loop;
    supe::queue<int> q(loop.time(), 2);
    BOOST_TEST(q.try_push(1));
    BOOST_TEST(q.try_push(2));
    BOOST_TEST(!q.try_push(3));
    BOOST_TEST(q.size() == 2u);
    BOOST_TEST(q.try_pop().value() == 1);
    BOOST_TEST(q.try_pop().value() == 2);
    BOOST_TEST(!q.try_pop());
    BOOST_TEST(q.empty());
}

// Items that cannot be copied pass through.
BOOST_AUTO_TEST_CASE(moves_items) {
    virtual_loop loop;
    supe::queue<std::unique_ptr<int>> q(loop.time(), 1);
    BOOST_TEST(q.try_push(std::make_unique<int>(7)));
    BOOST_TEST(**q.try_pop() == 7);
}

// A waiting pop is resumed by a push; a waiting push by a pop, in order.
BOOST_AUTO_TEST_CASE(waits_for_items_and_for_room) {
    virtual_loop loop;
    supe::queue<int> q(loop.time(), 1);
    numbers put_in, taken;
    for (int n : {1, 2, 3}) loop.start(put(q, n, put_in));
    loop.run_ready();
    BOOST_TEST(put_in == numbers{1});
    loop.start(take_all(q, taken));
    loop.run_ready();
    BOOST_TEST(put_in == (numbers{1, 2, 3}));
    BOOST_TEST(taken == (numbers{1, 2, 3}));
    loop.stop();
}

// A cancelled pop takes nothing with it, even where the item arrived in the same moment.
BOOST_AUTO_TEST_CASE(a_cancelled_pop_loses_nothing) {
    virtual_loop loop;
    supe::queue<int> q(loop.time(), 10);
    numbers first, second;
    supe::nursery n(loop.time());
    n.start(take_all(q, first));
    loop.run_ready();
    loop.start(push_and_cancel(q, n));
    loop.run_ready();
    BOOST_TEST(first.empty());
    BOOST_TEST(q.size() == 1u);
    loop.start(take_all(q, second));
    loop.run_ready();
    BOOST_TEST(second == numbers{1});
    loop.stop();
}

// One of two waiters is cancelled: the item goes to the other.
BOOST_AUTO_TEST_CASE(a_cancelled_pop_wakes_no_one_in_vain) {
    virtual_loop loop;
    supe::queue<int> q(loop.time(), 10);
    numbers first, second;
    supe::nursery n(loop.time());
    n.start(take_all(q, first));
    loop.start(take_all(q, second));
    loop.run_ready();
    loop.start(push_and_cancel(q, n));
    loop.run_ready();
    BOOST_TEST(first.empty());
    BOOST_TEST(second == numbers{1});
    loop.stop();
}

// Closed: what is inside can be taken, nothing goes in, and who waits is resumed.
BOOST_AUTO_TEST_CASE(closing) {
    virtual_loop loop;
    supe::queue<int> q(loop.time(), 1);
    numbers put_in, taken;
    q.try_push(1);
    loop.start(put(q, 2, put_in));
    loop.run_ready();
    q.close();
    BOOST_TEST(q.closed());
    BOOST_TEST(!q.try_push(3));
    loop.start(take_all(q, taken));
    loop.run_ready();
    BOOST_TEST(put_in == numbers{-2});
    BOOST_TEST(taken == (numbers{1, -1}));
    supe::queue<int> empty(loop.time(), 1);
    loop.start(take_all(empty, taken));
    loop.run_ready();
    empty.close();
    loop.run_ready();
    BOOST_TEST(taken == (numbers{1, -1, -1}));
}

// pop_until(): nothing at the deadline, the item before it.
BOOST_AUTO_TEST_CASE(until_a_deadline) {
    virtual_loop loop;
    supe::queue<int> q(loop.time(), 10);
    numbers taken;
    loop.start(take_one_until(q, loop.now() + 2s, taken));
    loop.advance(1s);
    BOOST_TEST(taken.empty());
    loop.advance(1s);
    BOOST_TEST(taken == numbers{-1});
    loop.start(take_one_until(q, loop.now() + 2s, taken));
    loop.advance(1s);
    q.try_push(5);
    loop.run_ready();
    BOOST_TEST(taken == (numbers{-1, 5}));
    BOOST_TEST(loop.armed() == 0u);
}

// Each of several waiters keeps its own deadline.
BOOST_AUTO_TEST_CASE(deadlines_of_several_waiters) {
    virtual_loop loop;
    supe::queue<int> q(loop.time(), 10);
    numbers early, late, patient;
    loop.start(take_one_until(q, loop.now() + 1s, early));
    loop.start(take_one_until(q, loop.now() + 5s, late));
    loop.start(take_all(q, patient));
    loop.advance(1s);
    BOOST_TEST(early == numbers{-1});
    BOOST_TEST(late.empty());
    loop.advance(4s);
    BOOST_TEST(late == numbers{-1});
    q.try_push(1);
    loop.run_ready();
    BOOST_TEST(patient == numbers{1});
    loop.stop();
}

BOOST_AUTO_TEST_SUITE_END()
