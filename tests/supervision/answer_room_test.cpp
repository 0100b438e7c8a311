// Few large answers are made at once, in the order of their requests, and few wait.
#include "supe/supervision/answer_room.hpp"

#include "tests/support/virtual_loop.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <vector>

using room_type = supe::answer_room;
using namespace std::chrono_literals;

namespace {

struct waiting_room {
    support::virtual_loop loop;
    room_type room{loop.time()};
    std::vector<int> entered;
    std::size_t refused = 0;
    ~waiting_room() { loop.stop(); }

    static supe::awaitable<> stay(waiting_room& w, int number, bool is_large) {
        auto place = co_await w.room.enter(is_large);
        if (!place) {
            ++w.refused;
            co_return;
        }
        w.entered.push_back(number);
        const room_type::place held = std::move(*place);
        co_await w.loop.time().sleep_for(1s);
    }
    void begin(std::size_t n, bool is_large = true) {
        for (std::size_t i = 0; i < n; ++i)
            loop.start(stay(*this, static_cast<int>(++last), is_large));
        loop.run_ready();
    }
    std::size_t last = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(answer_room)

// Those that find no place wait, in order. An answer that needs none does not.
BOOST_AUTO_TEST_CASE(in_order) {
    waiting_room w;
    w.begin(room_type::most + 2);
    BOOST_TEST(w.entered.size() == room_type::most);
    BOOST_TEST(w.room.waiting() == 2u);
    w.begin(1, false);
    BOOST_TEST(w.entered.size() == room_type::most + 1);
    w.loop.advance(1s);
    BOOST_TEST(w.entered.size() == room_type::most + 3);
    BOOST_TEST(w.entered[room_type::most + 1] == static_cast<int>(room_type::most + 1));
    w.loop.advance(1s);
    BOOST_TEST(w.room.taken() == 0u);
}

// Past a limit they are refused at once.
BOOST_AUTO_TEST_CASE(refused) {
    waiting_room w;
    w.begin(room_type::most + room_type::most_waiting + 5);
    BOOST_TEST(w.refused == 5u);
    BOOST_TEST(w.room.waiting() == room_type::most_waiting);
}

// Who is cancelled, in a place or before, leaves it to others.
BOOST_AUTO_TEST_CASE(cancelled) {
    waiting_room w;
    w.begin(room_type::most + 2);
    w.loop.stop();
    BOOST_TEST(w.room.taken() == 0u);
    BOOST_TEST(w.room.waiting() == 0u);
}

// Of all commands the one that shows a dead letter needs a place.
BOOST_AUTO_TEST_CASE(which) {
    using boost::json::object;
    BOOST_TEST(supe::asks_for_a_letter(object{{"do", "dead"}, {"what", "show"}}));
    BOOST_TEST(!supe::asks_for_a_letter(object{{"do", "dead"}, {"what", "list"}}));
    BOOST_TEST(!supe::asks_for_a_letter(object{{"do", "status"}}));
}

BOOST_AUTO_TEST_SUITE_END()
