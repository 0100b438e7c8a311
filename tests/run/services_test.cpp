// What runs beside a supervisor in its process, and what follows when it fails.
#include "supe/run/services.hpp"
#include "tests/support/players.hpp"

#include <boost/test/unit_test.hpp>
#include <stdexcept>

using namespace std::chrono_literals;

namespace {

/// Fails at once the first time, and serves after that.
struct service {
    supe::clock& time;
    int lives = 0;
    supe::awaitable<> run() {
        if (++lives == 1) throw std::runtime_error("no more descriptors");
        for (;;) co_await time.sleep_for(1h);
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(services)

// A service fails: the log says so, the children are stopped in order, the supervisor fails, and
// the service runs again meanwhile.
BOOST_AUTO_TEST_CASE(a_service_fails) {
    support::player_world w(R"({"name": "t", "children": [
        {"name": "a", "component": "diligent"}, {"name": "b", "component": "slow"}]})");
    service s{w.time()};
    supe::nursery all(w.time());
    all.start(supe::serve(w.root(), "stopping by signals", [&s] { return s.run(); }));
    w.advance(1500ms);
    BOOST_TEST(s.lives == 2);
    BOOST_TEST(w.root().is_ending());
    w.advance(10s);
    BOOST_TEST(w.events({"shutdown", "crashed"}) == "shutdown b, shutdown a");
    BOOST_TEST(w.ended());
    BOOST_TEST(!w.ended_cleanly());
    BOOST_TEST(w.root().why() == "stopping by signals failed: no more descriptors");
    all.cancel();
    w.run_ready();
}

BOOST_AUTO_TEST_SUITE_END()
