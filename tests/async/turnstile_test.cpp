// Shows who passes when, and that others have their turn between, in virtual time.
#include "supe/async/turnstile.hpp"
#include "tests/support/virtual_loop.hpp"

#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

using supe::awaitable;
using support::virtual_loop;
using words = std::vector<std::string>;

namespace {

awaitable<> pass(supe::turnstile& through, std::string name, words& seen) {
    co_await through.pass();
    seen.push_back(std::move(name));
}

/// Does its work in small pieces.
awaitable<> work(virtual_loop& loop, words& seen) {
    for (int n = 0; n < 3; ++n) {
        co_await boost::asio::post(loop.executor(), supe::use_awaitable);
        seen.emplace_back("-");
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(turnstile)

BOOST_AUTO_TEST_CASE(one_at_a_time) {
    virtual_loop loop;
    supe::turnstile through(loop.time());
    words seen;
    for (const char* name : {"a", "b", "c"}) loop.start(pass(through, name, seen));
    loop.start(work(loop, seen));
    loop.run_ready();
    std::string all;
    for (const std::string& one : seen) all += one;
    BOOST_TEST(all.find("ab") == std::string::npos, all);
    BOOST_TEST(all.find("bc") == std::string::npos, all);
    std::erase(all, '-');
    BOOST_TEST(all == "abc");
}

// Whoever is cancelled holds up nobody.
BOOST_AUTO_TEST_CASE(a_cancelled_one) {
    virtual_loop loop;
    supe::turnstile through(loop.time());
    words seen;
    {
        supe::nursery gone(loop.time());
        loop.start(pass(through, "a", seen));
        gone.start(pass(through, "b", seen));
        loop.start(pass(through, "c", seen));
        gone.cancel();
        loop.run_ready();
    }
    BOOST_TEST(seen == (words{"a", "c"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
