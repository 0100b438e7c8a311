// Shows the noticeboard's rules step by step: which watchers get a notice, in what order, and what
// the cache has (contract §2).
#include "supe/noticeboard/noticeboard.hpp"

#include <boost/test/unit_test.hpp>

using board_type = supe::noticeboard;
using watchers = std::vector<supe::noticeboard::watcher_id>;

namespace {

constexpr board_type::watch_options lasting{};
constexpr board_type::watch_options once{.once = true};
constexpr board_type::watch_options from_cache{.use_cache = true};
constexpr board_type::watch_options once_from_cache{.once = true, .use_cache = true};

}  // namespace

BOOST_AUTO_TEST_SUITE(noticeboard)

// Watchers get the notices that they watch and no others, in the order of their watches.
BOOST_AUTO_TEST_CASE(publishes_to_watchers_in_order) {
    board_type board;
    board.watch(7, "sale", lasting);
    board.watch(3, "sale", lasting);
    board.watch(5, "weather", lasting);
    const auto event = board.publish("sale", R"({"a":1})");
    BOOST_TEST(event.notice == "sale");
    BOOST_TEST(event.message == R"({"a":1})");
    BOOST_TEST(event.watchers == (watchers{7, 3}));
    BOOST_TEST(board.publish("sale-of-the-year", "1").watchers.empty());
}

// A once-watch is used up by its first event; a lasting one beside it is not.
BOOST_AUTO_TEST_CASE(once_is_once) {
    board_type board;
    board.watch(1, "n", once);
    board.watch(2, "n", lasting);
    BOOST_TEST(board.publish("n", "1").watchers == (watchers{1, 2}));
    BOOST_TEST(board.publish("n", "2").watchers == (watchers{2}));
    board.watch(1, "n", once);
    BOOST_TEST(board.publish("n", "3").watchers == (watchers{2, 1}));
}

// One pipe for each notice and watcher: a second watch changes how long it lasts and never doubles
// it.
BOOST_AUTO_TEST_CASE(one_pipe_for_each_notice_and_watcher) {
    board_type board;
    board.watch(1, "n", once);
    board.watch(1, "n", lasting);
    BOOST_TEST(board.publish("n", "1").watchers == (watchers{1}));
    BOOST_TEST(board.publish("n", "2").watchers == (watchers{1}));
    board.watch(1, "n", once);
    BOOST_TEST(board.publish("n", "3").watchers == (watchers{1}));
    BOOST_TEST(board.publish("n", "4").watchers == (watchers{1}));
}

// A second watch on an open pipe is answered, and gets nothing from the cache: npm's supe opens no
// second pipe either.
BOOST_AUTO_TEST_CASE(the_cache_is_for_a_new_pipe) {
    board_type board;
    board.publish("n", "1");
    BOOST_TEST(board.watch(1, "n", lasting).cached.has_value() == false);
    BOOST_TEST(board.watch(1, "n", from_cache).cached.has_value() == false);
    BOOST_TEST(board.watch(2, "n", from_cache).cached.value() == "1");
}

// A late watcher begins with the last message of the name, and gets the next ones too.
BOOST_AUTO_TEST_CASE(a_late_watcher_begins_with_the_last_message) {
    board_type board;
    board.publish("n", R"("old")");
    board.publish("n", R"("new")");
    const auto answer = board.watch(1, "n", from_cache);
    BOOST_TEST(answer.error.empty());
    BOOST_TEST(answer.cached.value() == R"("new")");
    BOOST_TEST(board.publish("n", "3").watchers == (watchers{1}));
    BOOST_TEST(board.watch(1, "never-published", from_cache).cached.has_value() == false);
}

// A once-watch that the cache could satisfy is used up; without the cache it waits for a fresh
// notice.
BOOST_AUTO_TEST_CASE(once_from_the_cache_is_used_up) {
    board_type board;
    board.publish("n", "1");
    BOOST_TEST(board.watch(1, "n", once_from_cache).cached.value() == "1");
    BOOST_TEST(!board.watched("n"));
    BOOST_TEST(board.watch(2, "n", once).cached.has_value() == false);
    BOOST_TEST(board.publish("n", "2").watchers == (watchers{2}));
}

// A notice without a message reaches its watchers as null, and leaves the cache as it was.
BOOST_AUTO_TEST_CASE(without_a_message_nothing_is_cached) {
    board_type board;
    board.watch(1, "n", lasting);
    const auto event = board.publish("n", std::nullopt);
    BOOST_TEST(event.message == "null");
    BOOST_TEST(event.watchers == (watchers{1}));
    BOOST_TEST(board.cached("n").has_value() == false);
    board.publish("n", "1");
    board.publish("n", std::nullopt);
    BOOST_TEST(board.cached("n").value() == "1");
}

// A cached notice has its source and the time of its publication.
BOOST_AUTO_TEST_CASE(origin_of_what_is_cached) {
    board_type board;
    const auto when = std::chrono::system_clock::time_point() + std::chrono::hours(7);
    board.publish("web-crashed", R"({"a":1})", {"web", when});
    const auto last = board.last("web-crashed").value();
    BOOST_TEST(last.notice == "web-crashed");
    BOOST_TEST(last.message == R"({"a":1})");
    BOOST_TEST(last.from.source == "web");
    BOOST_TEST((last.from.at == when));
    BOOST_TEST(!board.last("web"));
}

// A message that is falsy in JavaScript arrives as null, fresh and from the cache; a message that
// only looks empty does not.
BOOST_AUTO_TEST_CASE(falsy_messages_are_null) {
    board_type board;
    for (const char* falsy : {"null", "false", "0", "-0", "0.00", "0e7", "-0.0E-1", R"("")"}) {
        BOOST_TEST(board.publish("n", falsy).message == "null", falsy);
        BOOST_TEST(board.cached("n").value() == "null", falsy);
    }
    for (const char* truthy : {"true", "1", "0.5", "10", "-0.01e1", "[]", "{}", R"("0")", R"(" ")"})
        BOOST_TEST(board.publish("n", truthy).message == truthy);
}

// A watch ends by ignore() and with its watcher; to ignore what is not watched changes nothing.
BOOST_AUTO_TEST_CASE(watches_end) {
    board_type board;
    board.watch(1, "a", lasting);
    board.watch(1, "b", lasting);
    board.watch(2, "a", lasting);
    board.ignore(1, "a");
    board.ignore(1, "a");
    board.ignore(3, "never-watched");
    BOOST_TEST(board.publish("a", "1").watchers == (watchers{2}));
    BOOST_TEST(board.watched("b"));
    board.forget(1);
    BOOST_TEST(!board.watched("b"));
    BOOST_TEST(board.publish("b", "1").watchers.empty());
    board.forget(2);
    BOOST_TEST(!board.watched("a"));
    board.forget(2);
}

// A used-up once-watch no longer counts in the limit.
BOOST_AUTO_TEST_CASE(a_watcher_has_a_limit) {
    board_type board({.watches = 2});
    board.watch(1, "a", once);
    board.watch(1, "b", lasting);
    BOOST_TEST(board.watch(1, "c", lasting).error ==
               "2 notices are watched already, more are not allowed");
    BOOST_TEST(board.watch(1, "b", lasting).error == "");
    BOOST_TEST(board.watch(2, "c", lasting).error == "");
    board.publish("a", "1");
    BOOST_TEST(board.watch(1, "c", lasting).error == "");
    board.ignore(1, "c");
    BOOST_TEST(board.watch(1, "d", lasting).error == "");
}

// The cache shares a large message with the event, which keeps it when a later notice takes its
// place. A small one it keeps itself, beside its name.
BOOST_AUTO_TEST_CASE(large_messages) {
    const std::string large = '"' + std::string(1u << 20, 'x') + '"';
    board_type board({.cached_bytes = 2u << 20});
    const auto event = board.publish("n", large, {"web"});
    BOOST_TEST((event.message.data() == board.cached("n")->data()));  // the place, not the text
    BOOST_TEST((board.cached("n").value() == large));
    BOOST_TEST(board.last("n")->from.source == "web");
    board.publish("m", large);  // beside it, there is no room for the first one
    BOOST_TEST(!board.cached("n"));
    BOOST_TEST((event.message == large));
    const auto small = board.publish("n", "1");
    BOOST_TEST((small.message.data() != board.cached("n")->data()));  // the place, not the text
}

// The cache is bounded by names and by bytes; the oldest notice goes first.
BOOST_AUTO_TEST_CASE(the_cache_has_limits) {
    board_type by_names({.cached_names = 2});
    by_names.publish("a", "1");
    by_names.publish("b", "2");
    by_names.publish("a", "3");
    by_names.publish("c", "4");
    std::string kept;
    by_names.for_each_cached(
        [&](const auto& n) { kept.append(n.notice).append(n.message).append(" "); });
    BOOST_TEST(kept == "a3 c4 ");

    board_type by_bytes({.cached_bytes = 10});
    by_bytes.publish("a", "12345");
    by_bytes.publish("b", "123");
    BOOST_TEST(by_bytes.cached("a").value() == "12345");
    by_bytes.publish("b", "1234");
    BOOST_TEST(by_bytes.cached("a").has_value() == false);
    BOOST_TEST(by_bytes.cached("b").value() == "1234");
    by_bytes.publish("b", "1234567890");  // too large for the cache: the old message goes too
    BOOST_TEST(by_bytes.cached("b").has_value() == false);
    by_bytes.publish("c", "12345678");
    BOOST_TEST(by_bytes.cached("c").value() == "12345678");
}

// A malformed name is refused with a reason, and what is published under it is not kept.
BOOST_AUTO_TEST_CASE(names_have_limits) {
    board_type board({.name_bytes = 3});
    BOOST_TEST(board.watch(1, "", lasting).error == "a notice needs a name");
    BOOST_TEST(board.watch(1, "abcd", lasting).error ==
               "the notice's name has 4 bytes, at most 3 are allowed");
    BOOST_TEST(board.refusal("abc") == "");
    board.publish("abcd", "1");
    BOOST_TEST(board.cached("abcd").has_value() == false);
}

BOOST_AUTO_TEST_SUITE_END()
