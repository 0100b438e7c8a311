// Shows a component's notices with a real supervisor in simulation: watches, the cache, and who
// publishes.
#include "supe/simulation/world.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::component;
using supe::simulation::world;
using words = std::vector<std::string>;

namespace {

/// Writes down all that it hears of one notice.
awaitable<> listen(component& self, std::string name, bool use_cache, words& heard) {
    const supe::watch_options options{.use_cache = use_cache};
    supe::watch w = co_await self.watch_notice(name, options);
    while (auto n = co_await w.next()) heard.push_back(boost::json::serialize(n->message));
}

/// A tree of one component that stays until it is told to finish, and does `first` before.
void run_one(world& w, std::function<awaitable<>(component&, supe::nursery&)> first) {
    w.provide("c", [first](component& self) -> awaitable<> {
        supe::nursery beside(self.time());
        co_await first(self, beside);
        co_await self.shutdown_requested();
        beside.cancel();
        co_await beside.join();
    });
    w.run(R"({"name":"t","children":[{"name":"c","component":"c"}]})");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(watches)

// The cached message first where it is wanted, then each new one; its own notices too.
BOOST_AUTO_TEST_CASE(the_cache_comes_first) {
    world w;
    words with, without;
    run_one(w, [&](component& self, supe::nursery& beside) -> awaitable<> {
        self.notify("n", 1);
        beside.start(listen(self, "n", true, with));
        co_return;
    });
    w.root().notices().publish("n", "2");
    w.run_ready();
    BOOST_TEST(with == (words{"1", "2"}));
    world other;
    run_one(other, [&](component& self, supe::nursery& beside) -> awaitable<> {
        self.notify("n", 1);
        beside.start(listen(self, "n", false, without));
        co_return;
    });
    other.root().notices().publish("n", "2");
    other.run_ready();
    BOOST_TEST(without == words{"2"});
}

// Several watches of one notice in one component share a pipe: each hears everything once, and one
// that joins later begins with the last message where it wants the cache.
BOOST_AUTO_TEST_CASE(watches_share_a_pipe) {
    world w;
    words first, second, third;
    component* running = nullptr;
    supe::nursery* tasks = nullptr;
    run_one(w, [&](component& self, supe::nursery& beside) -> awaitable<> {
        running = &self;
        tasks = &beside;
        beside.start(listen(self, "n", true, first));
        beside.start(listen(self, "n", true, second));
        co_return;
    });
    w.root().notices().publish("n", "1");
    w.run_ready();
    tasks->start(listen(*running, "n", true, third));
    w.run_ready();
    w.root().notices().publish("n", "2");
    w.run_ready();
    BOOST_TEST(first == (words{"1", "2"}));
    BOOST_TEST(second == (words{"1", "2"}));
    BOOST_TEST(third == (words{"1", "2"}));
}

// A watch that is dropped is ignored at the supervisor: it publishes a child's output only while
// somebody watches it.
BOOST_AUTO_TEST_CASE(a_dropped_watch) {
    world w;
    words heard;
    run_one(w, [&](component& self, supe::nursery&) -> awaitable<> {
        supe::watch once = co_await self.watch_notice("n");
        const auto n = co_await once.next();
        heard.push_back(boost::json::serialize(n->message));
    });
    for (int i = 1; i < 5; ++i) {
        w.root().notices().publish("n", std::to_string(i));
        w.run_ready();
    }
    BOOST_TEST(heard == words{"1"});
    words again;
    const auto seen = w.count("n");
    BOOST_TEST(seen == 4u);
}

// Who does not read in time loses the oldest, and keeps the bound.
BOOST_AUTO_TEST_CASE(a_slow_watch) {
    world w;
    words heard;
    supe::timer* go = nullptr;
    run_one(w, [&](component& self, supe::nursery&) -> awaitable<> {
        supe::timer gate(self.time());
        go = &gate;
        supe::watch slow = co_await self.watch_notice("n");
        co_await gate.wait();
        for (int i = 0; i < 1024; ++i) {
            const auto n = co_await slow.next();
            heard.push_back(boost::json::serialize(n->message));
        }
    });
    for (int i = 0; i < 2000; ++i) {
        w.root().notices().publish("n", std::to_string(i));
        if (i % 100 == 0) w.run_ready();
    }
    w.run_ready();
    go->notify();
    w.run_ready();
    BOOST_TEST(heard.size() == 1024u);
    BOOST_TEST(heard.front() == "976");
    BOOST_TEST(heard.back() == "1999");
}

// A refused watch throws why; the name can be watched no more than before, and the component goes
// on.
BOOST_AUTO_TEST_CASE(a_refused_watch) {
    world w;
    std::string why;
    run_one(w, [&](component& self, supe::nursery&) -> awaitable<> {
        const std::string name(2000, 'n');
        try {
            co_await self.watch_notice(name);
        } catch (const std::runtime_error& e) {
            why = e.what();
        }
    });
    BOOST_TEST(
        why.ends_with("refused: the notice's name has 2000 bytes, at most 1024 are allowed"));
    BOOST_TEST(w.processes() == 1u);
}

// A notice without a name is refused at once: the supervisor would take it for nothing.
BOOST_AUTO_TEST_CASE(a_name_that_is_none) {
    world w;
    unsigned refused = 0;
    run_one(w, [&](component& self, supe::nursery&) -> awaitable<> {
        try {
            self.notify("", 1);
        } catch (const std::invalid_argument&) {
            ++refused;
        }
        try {
            co_await self.watch_notice("");
        } catch (const std::invalid_argument&) {
            ++refused;
        }
    });
    BOOST_TEST(refused == 2u);
    BOOST_TEST(w.count("component-bad-frame") == 0u);
}

// A message reaches the board as it was written: digits of long numbers, deep nesting, lone
// surrogates.
BOOST_AUTO_TEST_CASE(messages_are_unchanged) {
    world w;
    const std::string deep = std::string(200, '[') +
                             "12345678901234567890123.50,1e400,\"\\ud83d\"" + std::string(200, ']');
    words heard;
    run_one(w, [&](component& self, supe::nursery& beside) -> awaitable<> {
        beside.start(listen(self, "n", true, heard));
        co_return;
    });
    w.root().notices().publish("n", deep);
    w.run_ready();
    BOOST_TEST(heard.size() == 1u);
    BOOST_TEST(heard.at(0).starts_with("[[["));
    BOOST_TEST(w.messages("n") == words{deep});
}

// A notice that is no JSON (an infinite number) is refused at once.
BOOST_AUTO_TEST_CASE(a_message_that_is_none) {
    world w;
    std::string why;
    run_one(w, [&](component& self, supe::nursery&) -> awaitable<> {
        try {
            self.notify("n", std::numeric_limits<double>::infinity());
        } catch (const std::invalid_argument& e) {
            why = e.what();
        }
        co_return;
    });
    BOOST_TEST(why.starts_with("notice n: its message is not JSON"));
}

BOOST_AUTO_TEST_SUITE_END()
