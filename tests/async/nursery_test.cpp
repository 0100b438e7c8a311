// Shows who is cancelled, who is awaited and what is thrown, in virtual time.
#include "supe/async/race.hpp"
#include "tests/support/virtual_loop.hpp"

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::awaitable;
using support::virtual_loop;
using words = std::vector<std::string>;

namespace {

/// Says `name` after `d`, or `name cancelled`; what it does on its way out takes no time.
awaitable<> speak(supe::clock& time, supe::duration d, std::string name, words& said) {
    try {
        co_await time.sleep_for(d);
    } catch (const supe::system_error&) {
        said.push_back(name + " cancelled");
        throw;
    }
    said.push_back(name);
}

awaitable<> fail(supe::clock& time, supe::duration d, std::string why) {
    co_await time.sleep_for(d);
    throw std::runtime_error(why);
}

awaitable<> join(supe::nursery& n, std::string& thrown) {
    try {
        co_await n.join();
        thrown = "nothing";
    } catch (const std::exception& e) {
        thrown = e.what();
    }
}

bool is_aborted(const supe::system_error& e) {
    return e.code() == boost::asio::error::operation_aborted;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(nursery)

// join() resumes when the last one has ended, and not before.
BOOST_AUTO_TEST_CASE(join_waits_for_all) {
    virtual_loop loop;
    words said;
    supe::nursery n(loop.time());
    n.start(speak(loop.time(), 1s, "a", said));
    n.start(speak(loop.time(), 3s, "b", said));
    BOOST_TEST(n.size() == 2u);
    std::string thrown;
    loop.start(join(n, thrown));
    loop.advance(2s);
    BOOST_TEST(said == words{"a"});
    BOOST_TEST(thrown.empty());
    loop.advance(1s);
    BOOST_TEST(said == (words{"a", "b"}));
    BOOST_TEST(thrown == "nothing");
    BOOST_TEST(n.size() == 0u);
    BOOST_TEST(loop.armed() == 0u);
}

// A coroutine runs from the event loop, never inside start(), even where start() is called from
// another coroutine.
BOOST_AUTO_TEST_CASE(start_returns_before_the_coroutine_runs) {
    virtual_loop loop;
    words said;
    supe::nursery n(loop.time());
    const auto at_once = [](words& w) -> awaitable<> {
        w.push_back("child");
        co_return;
    };
    const auto parent = [&]() -> awaitable<> {
        n.start(at_once(said));
        said.push_back("parent");
        co_await n.join();
    };
    loop.run(parent());
    BOOST_TEST(said == (words{"parent", "child"}));
}

// The first failure cancels the others; join() throws it after they have ended. A second failure is
// not thrown.
BOOST_AUTO_TEST_CASE(first_failure_cancels_the_others) {
    virtual_loop loop;
    words said;
    supe::nursery n(loop.time());
    n.start(speak(loop.time(), 5s, "a", said));
    n.start(fail(loop.time(), 1s, "first"));
    n.start(fail(loop.time(), 1s, "second"));
    n.start(speak(loop.time(), 5s, "b", said));
    std::string thrown;
    loop.start(join(n, thrown));
    loop.advance(1s);
    BOOST_TEST(said == (words{"a cancelled", "b cancelled"}));
    BOOST_TEST(thrown == "first");
    BOOST_TEST(loop.armed() == 0u);
}

// cancel() ends all and is no failure; a nursery can be used again afterwards.
BOOST_AUTO_TEST_CASE(cancel_is_no_failure) {
    virtual_loop loop;
    words said;
    supe::nursery n(loop.time());
    n.start(speak(loop.time(), 5s, "a", said));
    loop.run_ready();
    n.cancel();
    loop.run(n.join());
    BOOST_TEST(said == words{"a cancelled"});
    n.start(speak(loop.time(), 1s, "again", said));
    loop.run(n.join());
    BOOST_TEST(said.back() == "again");
}

// What is cancelled before its first step never runs.
BOOST_AUTO_TEST_CASE(cancelled_before_it_ran) {
    virtual_loop loop;
    words said;
    supe::nursery n(loop.time());
    n.start(speak(loop.time(), 0s, "a", said));
    n.cancel();
    loop.run(n.join());
    BOOST_TEST(said.empty());
}

// A coroutine may cancel the nursery that it lives in, before or after its first wait, and its end
// is seen all the same.
BOOST_AUTO_TEST_CASE(a_task_may_cancel_its_own_nursery) {
    virtual_loop loop;
    supe::nursery n(loop.time());
    const auto canceller = [&](bool wait) -> awaitable<> {
        if (wait) co_await loop.time().sleep_for(1s);
        n.cancel();
    };
    for (const bool wait : {false, true}) {
        n.start(canceller(wait));
        loop.run(n.join());
        BOOST_TEST(n.size() == 0u);
    }
}

// Who is started while the others are being cancelled is cancelled too: join() would wait for ever
// otherwise.
BOOST_AUTO_TEST_CASE(nobody_starts_while_all_end) {
    virtual_loop loop;
    words said;
    supe::nursery n(loop.time());
    const auto starts_another = [&]() -> awaitable<> {
        try {
            co_await loop.time().sleep_for(1h);
        } catch (const supe::system_error&) {
            n.start(speak(loop.time(), 1h, "late", said));
        }
    };
    n.start(starts_another());
    loop.run_ready();
    n.cancel();
    loop.run(n.join());
    BOOST_TEST(said.empty());
    BOOST_TEST(loop.armed() == 0u);
}

// A cancelled join() cancels the nursery's coroutines and still waits for them before it throws.
BOOST_AUTO_TEST_CASE(a_cancelled_join_waits_all_the_same) {
    virtual_loop loop;
    words said;
    const auto scope = [&]() -> awaitable<> {
        supe::nursery inner(loop.time());
        inner.start(speak(loop.time(), 1h, "inner", said));
        try {
            co_await inner.join();
        } catch (const supe::system_error&) {
            said.push_back("left " + std::to_string(inner.size()));
            throw;
        }
    };
    supe::nursery outer(loop.time());
    outer.start(scope());
    loop.run_ready();
    outer.cancel();
    loop.run(outer.join());
    BOOST_TEST(said == (words{"inner cancelled", "left 0"}));
}

// It throws operation_aborted also where a coroutine failed meanwhile: a caller that handles the
// failure and goes on would never end.
BOOST_AUTO_TEST_CASE(a_cancelled_join_while_one_fails) {
    virtual_loop loop;
    words said;
    const auto fails_at_its_end = [&]() -> awaitable<> {
        try {
            co_await loop.time().sleep_for(1h);
        } catch (const supe::system_error&) {}
        throw std::runtime_error("on the way out");
    };
    const auto scope = [&]() -> awaitable<> {
        supe::nursery inner(loop.time());
        inner.start(fails_at_its_end());
        try {
            co_await inner.join();
        } catch (const supe::system_error& e) {
            said.push_back(is_aborted(e) ? "left" : "left otherwise");
            throw;
        } catch (const std::runtime_error&) {
            said.push_back("failed");
        }
    };
    supe::nursery outer(loop.time());
    outer.start(scope());
    loop.run_ready();
    outer.cancel();
    loop.run(outer.join());
    BOOST_TEST(said == (words{"left"}));
}

// with_nursery() ends when its body and all that the body started have ended.
BOOST_AUTO_TEST_CASE(with_nursery_joins_by_itself) {
    virtual_loop loop;
    words said;
    const auto body = [&](supe::nursery& all) -> awaitable<> {
        all.start(speak(loop.time(), 2s, "started", said));
        co_await speak(loop.time(), 1s, "body", said);
    };
    const auto before = loop.now();
    loop.run(supe::with_nursery(loop.time(), body));
    BOOST_TEST(said == (words{"body", "started"}));
    BOOST_TEST((loop.now() - before == 2s));
    BOOST_TEST(loop.armed() == 0u);
}

// A body that cancels its nursery as its last step ends what it started.
BOOST_AUTO_TEST_CASE(with_nursery_ended_by_its_body) {
    virtual_loop loop;
    words said;
    const auto body = [&](supe::nursery& all) -> awaitable<> {
        all.start(speak(loop.time(), 1h, "started", said));
        co_await speak(loop.time(), 1s, "body", said);
        all.cancel();
    };
    loop.run(supe::with_nursery(loop.time(), body));
    BOOST_TEST(said == (words{"body", "started cancelled"}));
}

// What the body throws cancels what it started, and the other way round; it is thrown when all have
// ended.
BOOST_AUTO_TEST_CASE(with_nursery_throws) {
    virtual_loop loop;
    words said;
    const auto throws = [&](supe::nursery& all) -> awaitable<> {
        all.start(speak(loop.time(), 1h, "started", said));
        co_await fail(loop.time(), 1s, "body");
    };
    BOOST_CHECK_THROW(loop.run(supe::with_nursery(loop.time(), throws)), std::runtime_error);
    BOOST_TEST(said == words{"started cancelled"});
    const auto waits = [&](supe::nursery& all) -> awaitable<> {
        all.start(fail(loop.time(), 1s, "started"));
        co_await speak(loop.time(), 1h, "body", said);
    };
    BOOST_CHECK_THROW(loop.run(supe::with_nursery(loop.time(), waits)), std::runtime_error);
    BOOST_TEST(said == (words{"started cancelled", "body cancelled"}));
    BOOST_TEST(loop.armed() == 0u);
}

// Cancelled from outside, with_nursery() awaits its body and the others: they may use what lives
// around it.
BOOST_AUTO_TEST_CASE(with_nursery_cancelled_from_outside) {
    virtual_loop loop;
    words said;
    const auto scope = [&]() -> awaitable<> {
        std::string around = "around, and too long for the small string optimisation";
        const auto body = [&](supe::nursery& all) -> awaitable<> {
            all.start(speak(loop.time(), 1h, around, said));
            co_await speak(loop.time(), 1h, "body", said);
        };
        co_await supe::with_nursery(loop.time(), body);
    };
    supe::nursery outer(loop.time());
    outer.start(scope());
    loop.run_ready();
    outer.cancel();
    loop.run(outer.join());
    BOOST_TEST(said == (words{"body cancelled",
                              "around, and too long for the small string optimisation cancelled"}));
}

// with_nursery() keeps a copy of its body for as long as that runs, and destroys it once.
BOOST_AUTO_TEST_CASE(with_nursery_holds_its_body) {
    virtual_loop loop;
    const auto held = std::make_shared<int>(1);
    const auto scope = [&]() -> awaitable<> {
        const auto body = [&loop, held](supe::nursery&) -> awaitable<> {
            co_await loop.time().sleep_for(1s);
            BOOST_TEST(held.use_count() >= 3);  // compilers differ in how many copies they make
        };
        co_await supe::with_nursery(loop.time(), body);
        BOOST_TEST(held.use_count() == 2);
    };
    loop.run(scope());
    BOOST_TEST(held.use_count() == 1);
}

// within(): the result in time, nothing too late, and what the work throws.
BOOST_AUTO_TEST_CASE(within_a_deadline) {
    virtual_loop loop;
    words said;
    const auto answer = [&](supe::duration d) -> awaitable<int> {
        co_await speak(loop.time(), d, "answer", said);
        co_return 42;
    };
    const auto test = [&]() -> awaitable<> {
        supe::clock& time = loop.time();
        const auto in_time = co_await supe::within(time, time.now() + 2s, answer(1s));
        BOOST_TEST(in_time.value() == 42);
        const auto before = time.now();
        const auto late = co_await supe::within(time, time.now() + 2s, answer(3s));
        BOOST_TEST(!late);
        BOOST_TEST((time.now() - before == 2s));
        const auto at_once = co_await supe::within(time, supe::never, answer(0s));
        BOOST_TEST(at_once.value() == 42);
        const auto too_late_already = co_await supe::within(time, time.now(), answer(0s));
        BOOST_TEST(!too_late_already);
    };
    loop.run(test());
    BOOST_TEST(said == (words{"answer", "answer cancelled", "answer"}));
    BOOST_TEST(loop.armed() == 0u);
}

// Of work without a result within() says whether it ended in time.
BOOST_AUTO_TEST_CASE(within_a_deadline_or_not) {
    virtual_loop loop;
    const auto test = [&]() -> awaitable<> {
        supe::clock& time = loop.time();
        const bool in_time = co_await supe::within(time, time.now() + 2s, time.sleep_for(1s));
        BOOST_TEST(in_time);
        const bool late = co_await supe::within(time, time.now() + 2s, time.sleep_for(3s));
        BOOST_TEST(!late);
    };
    loop.run(test());
}

// within() throws what its work throws, its own operation_aborted too, and a failure on the way out
// after the deadline.
BOOST_AUTO_TEST_CASE(within_throws) {
    virtual_loop loop;
    const auto throws = [&](bool when_cancelled) -> awaitable<int> {
        try {
            co_await loop.time().sleep_for(when_cancelled ? 1h : 0h);
        } catch (const supe::system_error&) {}
        throw std::runtime_error("broken");
    };
    const auto aborted = [&]() -> awaitable<int> {
        throw supe::system_error(boost::asio::error::operation_aborted);
        co_return 0;
    };
    const auto test = [&](awaitable<int> work) -> awaitable<> {
        co_await supe::within(loop.time(), loop.now() + 1s, std::move(work));
    };
    BOOST_CHECK_THROW(loop.run(test(throws(false))), std::runtime_error);
    BOOST_CHECK_THROW(loop.run(test(throws(true))), std::runtime_error);
    BOOST_CHECK_EXCEPTION(loop.run(test(aborted())), supe::system_error, is_aborted);
}

// Cancelled from outside, within() awaits its work before it is gone: the work may use what lives
// around it.
BOOST_AUTO_TEST_CASE(within_cancelled_from_outside) {
    virtual_loop loop;
    words said;
    const auto work = [&](std::string& around) -> awaitable<bool> {
        try {
            co_await loop.time().sleep_for(1h);
        } catch (const supe::system_error&) {
            said.push_back(around);
        }
        co_return true;
    };
    const auto scope = [&]() -> awaitable<> {
        std::string around = "still there, and too long for the small string optimisation";
        co_await supe::within(loop.time(), supe::never, work(around));
    };
    supe::nursery outer(loop.time());
    outer.start(scope());
    loop.run_ready();
    outer.cancel();
    loop.run(outer.join());
    BOOST_TEST(said == words{"still there, and too long for the small string optimisation"});
}

BOOST_AUTO_TEST_SUITE_END()
