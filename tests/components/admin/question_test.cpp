// Shows that whoever is asked is asked once at a time and no more often than is wanted, and that
// one who does not answer holds up nobody for long. In virtual time.
#include "components/admin/question.hpp"

#include "supe/component/component.hpp"
#include "tests/support/virtual_loop.hpp"

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using components::given_answer;

namespace {

/// Somebody who takes his time.
struct scene {
    support::virtual_loop loop;
    supe::duration takes{};
    bool fails = false;
    int asked = 0;
    components::question q{loop.time(), [this] { return ask(); }};

    scene() { loop.start(q.run()); }
    ~scene() { loop.stop(); }

    supe::awaitable<boost::json::value> ask() {
        const int number = ++asked;
        co_await loop.time().sleep_for(takes);
        if (fails) throw supe::system_error(supe::mail_error::unknown_address);
        co_return number;
    }
    supe::awaitable<> get(supe::duration age, std::string& said) {
        const given_answer a = co_await q.newest(age);
        said = a.problem.empty() ? std::to_string(a.value.to_number<int>()) : a.problem;
    }
    std::string newest(supe::duration age = 1s) {
        std::string said;
        loop.run(get(age, said));
        return said;
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(question)

BOOST_AUTO_TEST_CASE(at_most_once_in_its_age) {
    scene s;
    BOOST_TEST(s.newest() == "1");
    BOOST_TEST(s.newest() == "1");
    s.loop.advance(999ms);
    BOOST_TEST(s.newest() == "1");
    BOOST_TEST(s.newest(100ms) == "2");
    s.loop.advance(1001ms);
    BOOST_TEST(s.newest() == "3");
    s.loop.advance(1h);
    BOOST_TEST(s.asked == 3);
}

BOOST_AUTO_TEST_CASE(one_question_for_all_who_wait) {
    scene s;
    s.takes = 500ms;
    std::array<std::string, 3> said;
    for (std::string& one : said) s.loop.start(s.get(1s, one));
    s.loop.advance(1s);
    for (const std::string& one : said) BOOST_TEST(one == "1");
    BOOST_TEST(s.asked == 1);
}

// Each waits for 2 s; nothing is asked anew for 30 s; and then it is as ever.
BOOST_AUTO_TEST_CASE(silence) {
    scene s;
    s.takes = 1h;
    const auto begin = s.loop.now();
    for (int i = 0; i < 5; ++i) BOOST_TEST(s.newest() == "does not answer");
    BOOST_TEST((s.loop.now() - begin == 10s));
    BOOST_TEST(s.asked == 1);
    s.takes = 0s;
    s.loop.advance(20s);
    BOOST_TEST(s.newest() == "2");
}

BOOST_AUTO_TEST_CASE(a_reason) {
    scene s;
    s.fails = true;
    BOOST_TEST(s.newest() == make_error_code(supe::mail_error::unknown_address).message());
    s.fails = false;
    s.loop.advance(1001ms);
    BOOST_TEST(s.newest() == "2");
}

BOOST_AUTO_TEST_SUITE_END()
