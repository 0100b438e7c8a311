// Shows that there are never more connections than permits, whichever process is killed, in
// simulated trees.
#include "tests/patterns/simulated_destination.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using patterns::permit;
using supe::awaitable;
using supe::component;
using supe::simulation::world;

namespace {

const std::vector<std::string> peers{"app:80"};

/// The lock and its holders. Each holder does what its mail says.
struct fixture {
    explicit fixture(unsigned permits, std::uint64_t seed = 1)
        : w(seed), app(w), watch(app), settings{permits, 1s} {
        w.provide("lock", [this](component& self) {
            return patterns::serve_connection_lock(self, settings, watch, memory);
        });
        w.provide("user", [this](component& self) { return user(self); });
        w.provide("busy", [this](component& self) { return busy(self); });
    }

    ~fixture() { w.stop(); }  // the processes end before what they use

    world w;
    simulated::destination app;
    simulated::watch watch;
    simulated::memory memory{};
    patterns::lock_settings settings;
    std::vector<std::string> log{};  ///< what the holders did, in order

    void run(const std::string& children) {
        w.run(fmt::format(
            R"({{"name": "t", "strategy": "rest_for_one", "max_restarts": 1000, "children": [
            {{"name": "lock", "component": "lock", "max_restarts": 1000, "mail": {{"window": 64}}, "backoff": {{"max": "100ms", "jitter": 0}}}}, {}]}})",
            children));
    }
    void note(const component& self, std::string what) { log.push_back(self.name() + " " + what); }

    /// Takes a permit at each mail "get"; gives the oldest back at "put" (cleanly) and "drop" (not
    /// cleanly). After "idle" it gives one back at each recall, also one that it gets only later.
    struct waiting_list {
        std::deque<permit> held{};
        bool idle = false, owes = false;
        void put() {
            if (owes = held.empty(); owes) return;
            held.front().release();
            held.pop_front();
        }
    };
    awaitable<> user(component& self) {
        const simulated::life alive(watch, self);
        waiting_list d;
        supe::nursery all(self.time());
        self.set_window(16);
        all.start(obey(self, alive.pid(), d, all));
        co_await all.join();
        for (permit& p : d.held) p.release();
    }

    awaitable<> obey(component& self, pid_t pid, waiting_list& d, supe::nursery& all) {
        while (auto mail = co_await self.receive()) {
            co_await mail->ack();
            if (mail->body() == R"("get")") all.start(get(self, pid, d));
            if (mail->body() == R"("put")") d.put();
            if (mail->body() == R"("drop")") d.held.pop_front();
            if (mail->body() == R"("idle")") d.idle = true;
            if (!patterns::is_recall(*mail)) continue;
            note(self, "is called back");
            if (d.idle) d.put();
        }
        all.cancel();
    }

    awaitable<> get(component& self, pid_t pid, waiting_list& d) {
        permit p = co_await patterns::acquire(self, "/lock", peers, pid);
        if (!p) co_return;
        note(self, "has one");
        d.held.push_back(std::move(p));
        if (d.owes) d.put();
    }

    /// Five loops, for ever: takes a permit, connects, waits, closes on both sides, gives it back.
    awaitable<> busy(component& self) {
        const simulated::life alive(watch, self);
        supe::nursery tasks(self.time());
        self.set_window(16);
        tasks.start(read_mail(self, tasks));
        for (int i = 0; i < 5; ++i) tasks.start(work(self, alive.pid()));
        co_await tasks.join();
    }
    awaitable<> read_mail(component& self, supe::nursery& tasks) {
        while (auto mail = co_await self.receive()) co_await mail->ack();
        tasks.cancel();
    }
    awaitable<> work(component& self, pid_t pid) {
        for (;;) {
            permit p = co_await patterns::acquire(self, "/lock", peers, pid);
            if (!p) co_return;
            simulated::connection open(app);
            co_await self.time().sleep_for(
                std::chrono::milliseconds(1 + static_cast<int>(w.random() * 200)));
            open.close();
            p.release();
            co_await self.time().sleep_for(
                std::chrono::milliseconds(static_cast<int>(w.random() * 20)));
        }
    }

    void send(const std::string& whom, const std::string& what) {
        w.mail(whom, '"' + what + '"');
        w.run_ready();
    }
    std::vector<std::string> events() { return std::exchange(log, {}); }
};

using lines = std::vector<std::string>;

constexpr const char* two_users =
    R"({"name": "a", "component": "user"}, {"name": "b", "component": "user"})";

}  // namespace

BOOST_AUTO_TEST_SUITE(connection_lock)

// No more permits than there are; the holder that asked first gets the next one.
BOOST_AUTO_TEST_CASE(first_come_first_served) {
    fixture t(1);
    t.run(two_users);
    t.send("a", "get");
    t.send("b", "get");
    t.send("a", "get");
    BOOST_TEST(t.events() == (lines{"a has one", "a is called back"}),
               boost::test_tools::per_element());
    t.send("a", "put");
    BOOST_TEST(t.events() == (lines{"b is called back", "b has one"}),
               boost::test_tools::per_element());
    t.send("b", "put");
    BOOST_TEST(t.events() == (lines{"a has one"}), boost::test_tools::per_element());
}

// Idle permits are recalled for other holders, also one that was granted after the other had asked;
// never for their own holder.
BOOST_AUTO_TEST_CASE(idle_holders_are_called_back) {
    fixture t(2);
    t.run(
        R"({"name": "a", "component": "user"}, {"name": "b", "component": "user"}, {"name": "c", "component": "user"})");
    t.send("a", "get");
    t.send("a", "get");
    t.send("a", "get");
    BOOST_TEST(t.events() == (lines{"a has one", "a has one"}), boost::test_tools::per_element());
    t.send("b", "idle");
    t.send("b", "get");
    t.send("c", "get");
    BOOST_TEST(t.events() == (lines{}), boost::test_tools::per_element());
    t.send("a", "put");
    t.send("a", "put");
    // b gets a recall for c as soon as it has its permit.
    BOOST_TEST(t.events() == (lines{"a is called back", "a has one", "b is called back",
                                    "b has one", "a is called back", "c has one"}),
               boost::test_tools::per_element());
}

// A dead holder's permit rests for permit_rest, and then until its connection is gone. (It is the
// last child: under rest_for_one those behind it would be restarted too.)
BOOST_AUTO_TEST_CASE(permits_of_the_dead_rest) {
    fixture t(1);
    t.run(two_users);
    t.send("b", "get");
    t.send("a", "get");
    t.events();
    t.watch.noisy = true;
    t.w.crash("/b");
    t.w.advance(5s);
    BOOST_TEST(t.events() == (lines{}), boost::test_tools::per_element());
    t.watch.noisy = false;
    t.w.advance(100ms);
    BOOST_TEST(t.events() == (lines{"a has one"}), boost::test_tools::per_element());

    t.send("a", "put");
    t.send("b", "get");
    t.send("a", "get");
    t.events();
    t.w.crash("/b");
    t.w.advance(999ms);
    BOOST_TEST(t.events() == (lines{}), boost::test_tools::per_element());
    t.w.advance(1ms);
    BOOST_TEST(t.events() == (lines{"a has one"}), boost::test_tools::per_element());
}

// A permit that a living holder drops rests too.
BOOST_AUTO_TEST_CASE(dropped_permits_rest) {
    fixture t(1);
    t.run(two_users);
    t.send("a", "get");
    t.send("b", "get");
    t.events();
    t.send("a", "drop");
    t.w.advance(999ms);
    BOOST_TEST(t.events() == (lines{}), boost::test_tools::per_element());
    t.w.advance(1ms);
    BOOST_TEST(t.events() == (lines{"b has one"}), boost::test_tools::per_element());
}

// The request of a dead holder is forgotten: the permit goes to the next request.
BOOST_AUTO_TEST_CASE(requests_of_the_dead_are_forgotten) {
    fixture t(1);
    t.run(
        R"({"name": "a", "component": "user"}, {"name": "c", "component": "user"}, {"name": "b", "component": "user"})");
    t.send("a", "get");
    t.send("b", "get");
    t.send("c", "get");
    t.events();
    t.w.crash("/b");
    t.send("a", "put");
    BOOST_TEST(t.events() == (lines{"c has one"}), boost::test_tools::per_element());
}

// A crash of the lock restarts its holders, and its next life lets every permit rest first.
BOOST_AUTO_TEST_CASE(after_an_unclean_end_everything_rests) {
    fixture t(2);
    t.run(two_users);
    t.send("a", "get");
    t.events();
    t.w.crash("/lock");
    BOOST_TEST(t.w.starts_of("/a") == 2u);
    BOOST_TEST((t.memory.peers == std::set<std::string>{"app:80"}));
    t.send("a", "get");
    t.send("b", "get");
    t.w.advance(999ms);
    BOOST_TEST(t.events() == (lines{}), boost::test_tools::per_element());
    t.w.advance(1ms);
    BOOST_TEST(t.events() == (lines{"a has one", "b has one"}), boost::test_tools::per_element());
}

// After a clean end no permit rests; an end while a permit rests is not clean.
BOOST_AUTO_TEST_CASE(only_a_quiet_end_is_clean) {
    {
        fixture t(1);
        t.run(two_users);
        t.send("a", "get");
        BOOST_TEST(t.memory.peers.has_value());
        t.send("a", "put");
        BOOST_TEST(t.w.stop());
        BOOST_TEST(!t.memory.peers);
    }
    fixture t(1);
    t.run(two_users);
    t.send("a", "get");
    t.send("a", "drop");
    BOOST_TEST(t.w.stop(500ms));
    BOOST_TEST(t.memory.peers.has_value());
}

// A holder that waits for a permit ends at once after SUPE-SHUTDOWN, although the lock is down and
// waits for its end.
BOOST_AUTO_TEST_CASE(waiting_does_not_hold_up_a_shutdown) {
    fixture t(1);
    t.run(R"({"name": "a", "component": "busy"}, {"name": "b", "component": "busy"})");
    t.w.advance(1s);
    t.w.crash("/lock");
    t.w.advance(1s);
    BOOST_TEST(t.w.starts_of("/lock") == 2u);
    BOOST_TEST(t.w.starts_of("/a") == 2u);
    BOOST_TEST(t.w.stop(1s));
}

// Mail without meaning has no effect.
BOOST_AUTO_TEST_CASE(nonsense_is_ignored) {
    fixture t(1);
    t.run(two_users);
    t.send("a", "get");
    for (const char* text :
         {"1", "{}", R"({"acquire":1})", R"({"acquire":{"pid":"x"}})", R"({"release":"1"})",
          R"({"release":1})", R"({"release":"-1"})", R"({"abandon":"1"})", R"({"release":{}})"})
        t.w.mail("lock", text);
    t.send("b", "get");
    BOOST_TEST(t.events() == (lines{"a has one", "a is called back"}),
               boost::test_tools::per_element());
    BOOST_TEST(t.w.count("component-crashed") == 0u);
}

// Holders and lock crash at random, alone and together, at any time: the destination never counts
// more connections than there are permits, and the work goes on.
BOOST_AUTO_TEST_CASE(the_cap_holds_whatever_is_killed) {
    constexpr unsigned permits = 3;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        fixture t(permits, seed);
        t.run(
            R"({"name": "dam", "max_restarts": 1000, "backoff": {"max": "100ms", "jitter": 0}, "children": [
                    {"name": "a", "component": "busy", "max_restarts": 1000, "backoff": {"max": "100ms", "jitter": 0}}]},
                 {"name": "b", "component": "busy", "max_restarts": 1000, "backoff": {"max": "100ms", "jitter": 0}})");
        const char* victims[] = {"/lock", "/dam/a", "/b", "/dam"};
        std::size_t before = 0;
        for (int step = 0; step < 60; ++step) {
            t.w.advance(
                std::chrono::milliseconds(static_cast<int>(t.w.random() * t.w.random() * 3000)));
            for (int n = static_cast<int>(t.w.random() * 3); n > 0; --n)
                t.w.crash(victims[static_cast<int>(t.w.random() * 4)]);
            BOOST_REQUIRE_MESSAGE(
                t.app.connections() <= permits,
                fmt::format("seed {} step {}: {} open", seed, step, t.app.connections()));
            BOOST_REQUIRE_MESSAGE(
                t.app.most <= permits,
                fmt::format("seed {} step {}: {} were open", seed, step, t.app.most));
        }
        before = t.app.served;
        t.w.advance(10s);
        BOOST_TEST(t.app.served > before + 100,
                   fmt::format("seed {}: no work is done any more ({} in 10 s)", seed,
                               t.app.served - before));
        BOOST_TEST(t.app.most == permits,
                   fmt::format("seed {}: never more than {} were used", seed, t.app.most));
        BOOST_TEST(t.w.stop(), fmt::format("seed {}: does not stop", seed));
    }
}

BOOST_AUTO_TEST_SUITE_END()
