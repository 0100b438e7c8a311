// Shows who is resumed by which answer, at which deadline, and what a table forgets, in virtual
// time.
#include "supe/async/waiters.hpp"
#include "tests/support/virtual_loop.hpp"

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::awaitable;
using support::virtual_loop;
using words = std::vector<std::string>;
using table = supe::waiter_table<std::string, int>;

namespace {

/// Says the answer, or that there is none.
awaitable<> ask(table& all, std::string key, supe::time_point deadline, words& said) {
    table::waiter waiter(all, key);
    waiter.expires_at(deadline);
    while (waiter.is_waiting()) co_await waiter.changed();
    const auto answer = waiter.take();
    said.push_back(key + ": " + (answer ? std::to_string(*answer) : "none"));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(waiters)

// Each gets the answer to its own key, the first one, whatever the order; afterwards nobody waits.
BOOST_AUTO_TEST_CASE(each_its_own_answer) {
    virtual_loop loop;
    table all(loop.time());
    words said;
    loop.start(ask(all, "a", supe::never, said));
    loop.start(ask(all, "b", supe::never, said));
    loop.run_ready();
    BOOST_TEST(all.answer("b", 2));
    BOOST_TEST(!all.answer("b", 3));
    BOOST_TEST(!all.answer("c", 4));
    BOOST_TEST(all.answer("a", 1));
    loop.run_ready();
    BOOST_TEST(said == (words{"b: 2", "a: 1"}));
    BOOST_TEST(all.size() == 0u);
    BOOST_TEST(!all.answer("a", 5));
}

// An answer that is there before anybody waits for it counts.
BOOST_AUTO_TEST_CASE(answered_before_the_wait) {
    virtual_loop loop;
    table all(loop.time());
    table::waiter waiter(all, "a");
    BOOST_TEST(waiter.is_waiting());
    BOOST_TEST(all.answer("a", 1));
    BOOST_TEST(!waiter.is_waiting());
    BOOST_TEST(waiter.take().value() == 1);
}

// Nothing at the deadline, which can be moved while somebody waits.
BOOST_AUTO_TEST_CASE(deadlines) {
    virtual_loop loop;
    table all(loop.time());
    words said;
    loop.start(ask(all, "a", loop.now() + 1s, said));
    loop.start(ask(all, "b", loop.now() + 1s, said));
    loop.run_ready();
    BOOST_TEST(all.set_deadline("b", loop.now() + 3s));
    BOOST_TEST(!all.set_deadline("c", supe::never));
    loop.advance(1s);
    BOOST_TEST(said == words{"a: none"});
    loop.advance(2s);
    BOOST_TEST(said == (words{"a: none", "b: none"}));
    BOOST_TEST(loop.armed() == 0u);
}

// A deadline that has passed already is no wait.
BOOST_AUTO_TEST_CASE(too_late_already) {
    virtual_loop loop;
    table all(loop.time());
    words said;
    loop.run(ask(all, "a", loop.now(), said));
    BOOST_TEST(said == words{"a: none"});
}

// Those who have no answer get the same one; who has one keeps it.
BOOST_AUTO_TEST_CASE(one_answer_for_all) {
    virtual_loop loop;
    table all(loop.time());
    words said;
    for (const char* key : {"a", "b"}) loop.start(ask(all, key, supe::never, said));
    loop.run_ready();
    all.answer("a", 1);
    all.answer_all(0);
    loop.run_ready();
    BOOST_TEST(said == (words{"a: 1", "b: 0"}));
}

// Who waits for something else besides looks at it again when all are woken.
BOOST_AUTO_TEST_CASE(woken_for_another_reason) {
    virtual_loop loop;
    table all(loop.time());
    words said;
    bool lives = true;
    const auto asks_the_living = [&]() -> awaitable<> {
        table::waiter waiter(all, "a");
        while (waiter.is_waiting() && lives) co_await waiter.changed();
        said.push_back(waiter.take() ? "answered" : "it died");
    };
    loop.start(asks_the_living());
    loop.run_ready();
    all.wake_all();
    loop.run_ready();
    BOOST_TEST(said.empty());
    lives = false;
    all.wake_all();
    loop.run_ready();
    BOOST_TEST(said == words{"it died"});
}

// A waiter with two keys is found by either, and neither outlives it.
BOOST_AUTO_TEST_CASE(two_keys) {
    virtual_loop loop;
    table all(loop.time());
    for (const char* key : {"1", "one"}) {
        table::waiter waiter(all, "1");
        waiter.add_key("one");
        BOOST_TEST(all.size() == 2u);
        BOOST_TEST(all.answer(key, 1));
        BOOST_TEST(waiter.take().value() == 1);
    }
    BOOST_TEST(all.size() == 0u);
}

// A waiter that is cancelled leaves the table.
BOOST_AUTO_TEST_CASE(cancelled) {
    virtual_loop loop;
    table all(loop.time());
    words said;
    supe::nursery tasks(loop.time());
    tasks.start(ask(all, "a", loop.now() + 1h, said));
    loop.run_ready();
    BOOST_TEST(all.size() == 1u);
    tasks.cancel();
    loop.run(tasks.join());
    BOOST_TEST(all.size() == 0u);
    BOOST_TEST(said.empty());
    BOOST_TEST(loop.armed() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
