// Shows a component's notices with a real supervisor in simulation: watches, the cache, and
// sources.
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

/// Notes all messages of one notice.
awaitable<> listen(component& self, std::string name, bool use_cache, words& received) {
    const supe::watch_options options{.use_cache = use_cache};
    supe::watch w = co_await self.watch_notice(name, options);
    while (auto n = co_await w.next()) received.push_back(boost::json::serialize(n->message));
}

/// A tree of one component that runs `first`, and then waits for SUPE-SHUTDOWN.
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

// The cached message comes first when requested, then each new one; its own notices come too.
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

// Several watches of one notice in one component share a pipe. Each gets every message once, and a
// later watch begins with the last message when it requests the cache.
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

// The end of a watch ends the pipe at the supervisor, which publishes a child's output only while
// it is watched.
BOOST_AUTO_TEST_CASE(a_dropped_watch) {
    world w;
    words received;
    run_one(w, [&](component& self, supe::nursery&) -> awaitable<> {
        supe::watch once = co_await self.watch_notice("n");
        const auto n = co_await once.next();
        received.push_back(boost::json::serialize(n->message));
    });
    for (int i = 1; i < 5; ++i) {
        w.root().notices().publish("n", std::to_string(i));
        w.run_ready();
    }
    BOOST_TEST(received == words{"1"});
    words again;
    const auto seen = w.count("n");
    BOOST_TEST(seen == 4u);
}

// A watch that is not read in time loses the oldest messages, and stays bounded.
BOOST_AUTO_TEST_CASE(a_slow_watch) {
    world w;
    words received;
    supe::timer* go = nullptr;
    run_one(w, [&](component& self, supe::nursery&) -> awaitable<> {
        supe::timer gate(self.time());
        go = &gate;
        supe::watch slow = co_await self.watch_notice("n");
        co_await gate.wait();
        for (int i = 0; i < 1024; ++i) {
            const auto n = co_await slow.next();
            received.push_back(boost::json::serialize(n->message));
        }
    });
    for (int i = 0; i < 2000; ++i) {
        w.root().notices().publish("n", std::to_string(i));
        if (i % 100 == 0) w.run_ready();
    }
    w.run_ready();
    go->notify();
    w.run_ready();
    BOOST_TEST(received.size() == 1024u);
    BOOST_TEST(received.front() == "976");
    BOOST_TEST(received.back() == "1999");
}

// A refused watch throws the reason, does not open a pipe, and the component goes on.
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

// A notice without a name is refused at once, because the supervisor would refuse it.
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

// A message reaches the noticeboard unchanged: digits of long numbers, deep nesting, lone
// surrogates.
BOOST_AUTO_TEST_CASE(messages_are_unchanged) {
    world w;
    const std::string deep = std::string(200, '[') +
                             "12345678901234567890123.50,1e400,\"\\ud83d\"" + std::string(200, ']');
    words received;
    run_one(w, [&](component& self, supe::nursery& beside) -> awaitable<> {
        beside.start(listen(self, "n", true, received));
        co_return;
    });
    w.root().notices().publish("n", deep);
    w.run_ready();
    BOOST_TEST(received.size() == 1u);
    BOOST_TEST(received.at(0).starts_with("[[["));
    BOOST_TEST(w.messages("n") == words{deep});
}

// A message that is not JSON (an infinite number) is refused at once.
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
