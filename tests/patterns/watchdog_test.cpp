// Shows when a component with patterns::watchdog is aborted, in virtual time.
#include "patterns/watchdog.hpp"
#include "supe/async/nursery.hpp"
#include "supe/simulation/world.hpp"

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::component;
using supe::simulation::world;

namespace {

constexpr const char* watched =
    R"({"name": "t", "children": [{"name": "c", "component": "c", "watchdog": "15s",
        "mail": {"window": 4}}]})";

/// Each mail is so many seconds of work with a limit of 30 s. A negative one gets on each 20 s.
struct worker {
    awaitable<> operator()(component& self) {
        self.set_window(4);
        patterns::watchdog dog{self, 5s};
        const auto body = [&](supe::nursery& all) -> awaitable<> {
            all.start(dog.run());
            while (auto mail = co_await self.receive()) all.start(one(self, dog, std::move(*mail)));
            all.cancel();
        };
        co_await supe::with_nursery(self.time(), body);
    }
    static awaitable<> one(component& self, patterns::watchdog& dog, supe::mail mail) {
        const auto piece = dog.begin(30s);
        const std::int64_t n = mail.value().as_int64();
        if (n >= 0) co_await self.time().sleep_for(std::chrono::seconds(n));
        for (std::int64_t done = 0; done < -n; done += 20) {
            co_await self.time().sleep_for(20s);
            piece.progress();
        }
        mail.ack();
    }
};

struct scene {
    scene() {
        w.provide("c", worker());
        w.run(watched);
    }
    bool was_aborted() const { return w.count("c-crashed") > 0; }
    world w{};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(watchdog)

// One without work lives, however long.
BOOST_AUTO_TEST_CASE(idle) {
    scene s;
    s.w.advance(1h);
    BOOST_TEST(!s.was_aborted());
    BOOST_TEST(s.w.stop(5s));
}

// Work within its limit, and long work that gets on.
BOOST_AUTO_TEST_CASE(work_that_gets_on) {
    scene s;
    s.w.mail("c", "29");
    s.w.mail("c", "-600");
    s.w.advance(1h);
    BOOST_TEST(!s.was_aborted());
    BOOST_TEST(s.w.root().entry_of(*s.w.root().find("c")).mail.box.empty());
}

// Work that hangs: no beat after its limit, and 15 s after the last one the supervisor aborts it.
BOOST_AUTO_TEST_CASE(work_that_hangs) {
    scene s;
    s.w.mail("c", "100000");
    s.w.advance(39s);
    BOOST_TEST(!s.was_aborted());
    s.w.advance(2s);
    BOOST_TEST(s.was_aborted());
    BOOST_TEST(s.w.starts_of("/c") == 2u);
}

// One piece that hangs among others that get on is enough.
BOOST_AUTO_TEST_CASE(one_hangs) {
    scene s;
    s.w.mail("c", "100000");
    for (int i = 0; i < 10; ++i) s.w.mail("c", "5");
    s.w.advance(1min);
    BOOST_TEST(s.was_aborted());
}

BOOST_AUTO_TEST_SUITE_END()
