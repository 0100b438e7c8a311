// Shows that what is done with a large text of JSON gives turns to others. Virtual time.
#include "supe/supervision/json_turns.hpp"

#include "supe/text/json_string.hpp"
#include "tests/support/virtual_loop.hpp"

#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

namespace {

constexpr std::size_t mib = 1u << 20;

supe::awaitable<> count_turns(supe::clock& time, const bool& done, std::size_t& turns) {
    while (!done) {
        ++turns;
        co_await boost::asio::post(time.executor(), supe::use_awaitable);
    }
}

supe::awaitable<> quote(supe::clock& time, std::string text, std::string& quoted, bool& done) {
    quoted = co_await supe::quoted_in_turns(time, std::move(text));
    done = true;
}

supe::awaitable<> give_turn(supe::clock& time, std::size_t bytes, bool& done) {
    co_await supe::turn_after_json(time, bytes);
    done = true;
}

/// How many turns another coroutine has while `text` is quoted.
std::size_t turns_of_others(const std::string& text, std::string& quoted) {
    support::virtual_loop loop;
    std::size_t turns = 0;
    bool done = false;
    loop.start(quote(loop.time(), text, quoted, done));
    loop.start(count_turns(loop.time(), done, turns));
    loop.run_ready();
    BOOST_TEST(done);
    return turns;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(json_turns)

// The result is that of json_quoted(), where characters of several bytes lie at the cuts, and what
// is no UTF-8, too.
BOOST_AUTO_TEST_CASE(quoted_as_at_once) {
    for (const char* unit : {"\\u0000", "\"", "\x01", "ä", "€", "𝄞", "\x80", "\xf0\x9d"}) {
        for (const char* first : {"", "1", "12", "123"}) {
            std::string text = first;
            while (text.size() < 3 * mib) text += unit;
            std::string quoted;
            BOOST_TEST(turns_of_others(text, quoted) >= 2u);
            BOOST_TEST((quoted == supe::json_quoted(text)));
        }
    }
}

// A small text costs no turn.
BOOST_AUTO_TEST_CASE(small_text) {
    std::string quoted;
    for (const char* text : {"", "\"a\""}) {
        BOOST_TEST(turns_of_others(text, quoted) == 0u);
        BOOST_TEST(quoted == supe::json_quoted(text));
    }
    for (const bool large : {false, true}) {
        support::virtual_loop loop;
        bool done = false;
        std::size_t turns = 0;
        loop.start(give_turn(loop.time(), large ? mib : 100, done));
        loop.start(count_turns(loop.time(), done, turns));
        loop.run_ready();
        BOOST_TEST((turns > 0) == large);
    }
}

BOOST_AUTO_TEST_SUITE_END()
