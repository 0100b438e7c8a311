// Shows that large requests and answers give turns to others, and go through nested supervisors as
// they are. Real supervisors, simulated children.
#include "tests/support/operated_world.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <boost/asio/post.hpp>
#include <vector>

namespace json = boost::json;
using namespace std::chrono_literals;
using router = support::operated_world;

namespace {

constexpr const char* nested =
    R"({"name": "t", "children": [{"name": "a", "component": "stubborn"},
        {"name": "dam", "children": [{"name": "b", "component": "stubborn"}]}]})";

/// JSON text of a string that is nothing but escapes.
std::string escapes(std::size_t bytes) {
    std::string text = "\"";
    while (text.size() < bytes) text += "\\u0000";
    return text + '"';
}

std::string restore_request(const std::string& address, const std::string& msg,
                            std::size_t times = 1) {
    std::string mails;
    for (std::size_t n = 0; n < times; ++n)
        mails += fmt::format(R"({}{{"id": "x-{}", "msg": {}}})", n ? "," : "", n, msg);
    return fmt::format(R"({{"do": "restore", "address": "{}", "mails": [{}]}})", address, mails);
}

supe::awaitable<> perform(router& w, std::string request, std::string& answer) {
    const auto parsed = supe::control::parse_request(request);
    answer = co_await w.perform(*parsed);
}

supe::awaitable<> count_turns(router& w, const std::string& answer, std::size_t& turns) {
    while (answer.empty() && turns < 1000) {
        ++turns;
        co_await boost::asio::post(w.time().executor(), supe::use_awaitable);
    }
}

/// Turns of another coroutine until the answer is there. Precondition: it needs no time.
std::size_t turns_of_others(router& w, const std::string& request) {
    std::string answer;
    std::size_t turns = 0;
    supe::nursery both(w.time());
    both.start(perform(w, request, answer));
    both.start(count_turns(w, answer, turns));
    w.run_ready();
    BOOST_TEST(answer == R"({"ok":{"taken":1,"problem":""}})");
    return turns;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(large_requests)

// Each look through a large request has a turn of its own.
BOOST_AUTO_TEST_CASE(turns) {
    router w(nested);
    const std::size_t few = turns_of_others(w, restore_request("/a", "1"));
    const std::size_t more = turns_of_others(w, restore_request("/a", escapes(200'000)));
    BOOST_TEST(more >= few + 2);
    BOOST_TEST(more < 100u);
}

// The letter lies at a supervisor below: its bytes are those that were sent.
BOOST_AUTO_TEST_CASE(a_large_letter) {
    router w(nested);
    const std::string msg = escapes(1'000'000);
    w.ask(restore_request("/dam/b", msg));
    w.ask(R"({"do": "remove", "address": "/dam/b"})");
    const auto list = w.ask(R"({"do": "dead", "what": "list"})").at("ok").as_array();
    BOOST_REQUIRE(list.size() == 1u);
    const auto shown = w.ask(R"({"do": "dead", "what": "show", "id": "x-0"})").at("ok").as_object();
    BOOST_TEST((shown.at("msg") == json::value(msg)));
    BOOST_TEST(shown.at("reason") == "removed");
    BOOST_TEST(shown.at("history").is_array());
    for (const auto& [key, value] : list[0].as_object()) BOOST_TEST((shown.at(key) == value), key);
}

// Many ask for a large letter at once: a nested supervisor makes few answers at a time, and each
// gets its own.
BOOST_AUTO_TEST_CASE(few_letters_at_once) {
    constexpr std::size_t few = supe::answer_room::most;
    router w(nested);
    w.ask(restore_request("/dam/b", escapes(1'000'000)));
    w.ask(R"({"do": "remove", "address": "/dam/b"})");
    supe::supervisor& dam = *w.supervisor_at("/dam");
    const supe::answer_room& room = dam.large_answers();
    std::vector<std::string> answers(few + 3);
    supe::nursery all(w.time());
    for (std::string& answer : answers)
        all.start(perform(w, R"({"do": "dead", "what": "show", "id": "x-0@/dam/b"})", answer));
    std::size_t most = 0, waiting = 0;
    const auto look = [&]() -> supe::awaitable<> {  // its loop alone runs for so many turns
        for (int turns = 0; turns < 1000; ++turns) {
            most = std::max(most, room.taken());
            waiting = std::max(waiting, room.waiting());
            co_await boost::asio::post(dam.time().executor(), supe::use_awaitable);
        }
    };
    supe::nursery below(dam.time());
    below.start(look());
    w.run_ready();
    BOOST_TEST(most == few);
    BOOST_TEST(waiting == 3u);
    BOOST_TEST(room.taken() == 0u);
    for (const std::string& answer : answers) BOOST_TEST(answer.size() > 1'000'000u);
}

// The child is removed while its mail is still being read: the answer says so.
BOOST_AUTO_TEST_CASE(removed_meanwhile) {
    router w(nested);
    w.ask(R"({"do": "stop", "address": "/a"})");
    std::string restored, removed;
    supe::nursery both(w.time());
    both.start(perform(w, restore_request("/a", escapes(100'000), 50), restored));
    both.start(perform(w, R"({"do": "remove", "address": "/a"})", removed));
    w.advance(1s);
    BOOST_TEST(support::has(removed, "is removed"));
    BOOST_TEST(support::has(restored, "no such child: /a"));
}

BOOST_AUTO_TEST_SUITE_END()
