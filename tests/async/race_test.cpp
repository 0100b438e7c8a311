// Shows who decides a race, who is cancelled and awaited, and what is thrown, in virtual time.
#include "supe/async/race.hpp"
#include "tests/support/virtual_loop.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>

using namespace std::chrono_literals;
using supe::awaitable;
using support::virtual_loop;
using words = std::vector<std::string>;

namespace {

/// The number after `d`; says when it is cancelled, and whether it cleaned up after `clean_up`.
awaitable<int> number(supe::clock& time, supe::duration d, int n, words& said) {
    try {
        co_await time.sleep_for(d);
    } catch (const supe::system_error&) {
        said.push_back(std::to_string(n) + " cancelled");
        throw;
    }
    said.push_back(std::to_string(n));
    co_return n;
}

awaitable<int> fails(supe::clock& time, supe::duration d, std::string why) {
    co_await time.sleep_for(d);
    throw std::runtime_error(why);
}

/// Takes a second to leave when it is cancelled.
awaitable<> leaves_slowly(supe::clock& time, words& said) {
    bool cancelled = false;
    try {
        co_await time.sleep_for(1h);
    } catch (const supe::system_error&) {
        cancelled = true;
    }
    if (!cancelled) co_return;
    co_await boost::asio::this_coro::reset_cancellation_state();
    co_await time.sleep_for(1s);
    said.push_back("cleaned up");
    throw supe::system_error(boost::asio::error::operation_aborted);
}

/// Passes its cancellation over, and ends with a result or a failure of its own.
awaitable<int> ends_in_spite(supe::clock& time, bool by_failure) {
    try {
        co_await time.sleep_for(1h);
    } catch (const supe::system_error&) {}
    if (by_failure) throw std::runtime_error("on the way out");
    co_return 7;
}

awaitable<int> aborts() {
    throw supe::system_error(boost::asio::error::operation_aborted);
    co_return 0;
}

bool is_aborted(const supe::system_error& e) {
    return e.code() == boost::asio::error::operation_aborted;
}

bool is_late(const std::runtime_error& e) { return e.what() == std::string("on the way out"); }

}  // namespace

BOOST_AUTO_TEST_SUITE(race)

// The first result counts; the others are cancelled, and nothing of theirs is left.
BOOST_AUTO_TEST_CASE(the_first_decides) {
    virtual_loop loop;
    words said;
    const auto test = [&]() -> awaitable<> {
        supe::clock& time = loop.time();
        const auto before = time.now();
        const auto [a, b, c] = co_await supe::race(time, number(time, 3s, 1, said),
                                                   number(time, 1s, 2, said), time.sleep_for(2s));
        BOOST_TEST(!a);
        BOOST_TEST(b.value() == 2);
        BOOST_TEST(!c);
        BOOST_TEST((time.now() - before == 1s));
    };
    loop.run(test());
    BOOST_TEST(said == (words{"2", "1 cancelled"}));
    BOOST_TEST(loop.armed() == 0u);
}

// An awaitable<> says whether it ran to its end; a result need be neither copied nor made empty.
BOOST_AUTO_TEST_CASE(results_of_any_kind) {
    virtual_loop loop;
    const auto only_moves = [](supe::clock& time) -> awaitable<std::unique_ptr<int>> {
        co_await time.sleep_for(2s);
        co_return std::make_unique<int>(5);
    };
    const auto test = [&]() -> awaitable<> {
        supe::clock& time = loop.time();
        auto [pointer, slept] = co_await supe::race(time, only_moves(time), time.sleep_for(1s));
        BOOST_TEST(!pointer);
        BOOST_TEST(slept);
        auto [in_time, too_long] = co_await supe::race(time, only_moves(time), time.sleep_for(3s));
        BOOST_TEST(*in_time.value() == 5);
        BOOST_TEST(!too_long);
    };
    loop.run(test());
}

// Who ends in its first step wins over all behind it, which never begin.
BOOST_AUTO_TEST_CASE(ends_at_once) {
    virtual_loop loop;
    words said;
    const auto test = [&]() -> awaitable<> {
        supe::clock& time = loop.time();
        const auto [at_once, never_begun] =
            co_await supe::race(time, time.sleep_for(0s), number(time, 0s, 1, said));
        BOOST_TEST(at_once);
        BOOST_TEST(!never_begun);
    };
    loop.run(test());
    BOOST_TEST(said.empty());
}

// A loser that ends with a result all the same: neither is lost.
BOOST_AUTO_TEST_CASE(a_loser_with_a_result) {
    virtual_loop loop;
    const auto test = [&]() -> awaitable<> {
        supe::clock& time = loop.time();
        const auto [slept, also] =
            co_await supe::race(time, time.sleep_for(1s), ends_in_spite(time, false));
        BOOST_TEST(slept);
        BOOST_TEST(also.value() == 7);
    };
    loop.run(test());
}

// What the winner throws is thrown, its own operation_aborted too; the loser is awaited before.
BOOST_AUTO_TEST_CASE(the_first_throws) {
    virtual_loop loop;
    words said;
    const auto failing = [&]() -> awaitable<> {
        supe::clock& time = loop.time();
        co_await supe::race(time, number(time, 2s, 1, said), fails(time, 1s, "broken"));
    };
    BOOST_CHECK_THROW(loop.run(failing()), std::runtime_error);
    BOOST_TEST(said == words{"1 cancelled"});
    const auto aborting = [&]() -> awaitable<> {
        supe::clock& time = loop.time();
        co_await supe::race(time, aborts(), time.sleep_for(1h));
    };
    BOOST_CHECK_EXCEPTION(loop.run(aborting()), supe::system_error, is_aborted);
    BOOST_TEST(loop.armed() == 0u);
}

// A loser that fails on its way out is not passed over.
BOOST_AUTO_TEST_CASE(a_loser_throws) {
    virtual_loop loop;
    const auto test = [&]() -> awaitable<> {
        supe::clock& time = loop.time();
        co_await supe::race(time, time.sleep_for(1s), ends_in_spite(time, true));
    };
    BOOST_CHECK_EXCEPTION(loop.run(test()), std::runtime_error, is_late);
}

// A loser that takes its time to clean up is awaited.
BOOST_AUTO_TEST_CASE(a_loser_cleans_up) {
    virtual_loop loop;
    words said;
    const auto test = [&]() -> awaitable<> {
        supe::clock& time = loop.time();
        const auto before = time.now();
        const auto [n, left] =
            co_await supe::race(time, number(time, 1s, 1, said), leaves_slowly(time, said));
        BOOST_TEST(n.value() == 1);
        BOOST_TEST(!left);
        BOOST_TEST((time.now() - before == 2s));
    };
    loop.run(test());
    BOOST_TEST(said == (words{"1", "cleaned up"}));
}

// Cancelled from outside, a race awaits all of its contestants before it throws, and its caller
// goes on only then.
BOOST_AUTO_TEST_CASE(cancelled_from_outside) {
    virtual_loop loop;
    words said;
    const auto scope = [&]() -> awaitable<> {
        supe::clock& time = loop.time();
        try {
            co_await supe::race(time, number(time, 1h, 1, said), leaves_slowly(time, said));
        } catch (const supe::system_error& e) {
            said.push_back(is_aborted(e) ? "left" : "left otherwise");
            throw;
        }
    };
    supe::nursery outer(loop.time());
    outer.start(scope());
    loop.run_ready();
    outer.cancel();
    loop.run(outer.join());
    BOOST_TEST(said == (words{"1 cancelled", "cleaned up", "left"}));
    BOOST_TEST(loop.armed() == 0u);
}

// Cancelled from outside, a race throws operation_aborted also where a contestant failed meanwhile:
// a caller that handles failures and goes on would never end.
BOOST_AUTO_TEST_CASE(cancelled_while_one_fails) {
    virtual_loop loop;
    words said;
    const auto handles_failures = [&]() -> awaitable<> {
        supe::clock& time = loop.time();
        for (;;) {
            try {
                co_await supe::race(time, ends_in_spite(time, true), number(time, 1h, 1, said));
            } catch (const std::runtime_error& e) {
                said.push_back(is_late(e) ? "failed" : "left");
                if (!is_late(e)) throw;
            }
        }
    };
    supe::nursery outer(loop.time());
    outer.start(handles_failures());
    loop.run_ready();
    outer.cancel();
    loop.run_ready();
    BOOST_TEST(outer.size() == 0u);
    BOOST_TEST(said == (words{"1 cancelled", "left"}));
}

// A race in a race: the outer one's end cancels the inner one, with all that runs in it.
BOOST_AUTO_TEST_CASE(one_in_another) {
    virtual_loop loop;
    words said;
    const auto inner = [&]() -> awaitable<int> {
        supe::clock& time = loop.time();
        auto [a, b] =
            co_await supe::race(time, number(time, 2s, 1, said), number(time, 3s, 2, said));
        co_return a.value_or(0) + b.value_or(0);
    };
    const auto test = [&]() -> awaitable<> {
        supe::clock& time = loop.time();
        const auto [slept, sum] = co_await supe::race(time, time.sleep_for(1s), inner());
        BOOST_TEST(slept);
        BOOST_TEST(!sum);
    };
    loop.run(test());
    BOOST_TEST(said == (words{"1 cancelled", "2 cancelled"}));
    BOOST_TEST(loop.armed() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
