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
        : w(seed), app(w), watch(app),
          settings{.permits = permits, .reset_rest = simulated::timeout} {
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
    patterns::permit_limits settings;
    std::vector<std::string> log{};  ///< what the holders did, in order

    void run(const std::string& children, const std::string& strategy = "rest_for_one") {
        w.run(fmt::format(
            R"({{"name": "t", "strategy": "{}", "max_restarts": 1000, "children": [
            {{"name": "lock", "component": "lock", "max_restarts": 1000, "mail": {{"window": 64}}, "backoff": {{"max": "100ms", "jitter": 0}}}}, {}]}})",
            strategy, children));
    }
    void note(const component& self, std::string what) { log.push_back(self.name() + " " + what); }

    /// Takes a permit at each mail "get"; gives the oldest back at "put" (cleanly) and "drop" (not
    /// cleanly). After "idle" it gives one back at each recall, also one that it gets only later.
    struct waiting_list {
        std::deque<permit> held{};
        bool idle = false, owes = false;
        std::optional<supe::nursery> waiting{};
        void put() {
            if (owes = held.empty(); owes) return;
            held.front().release();
            held.pop_front();
        }
    };
    awaitable<> user(component& self) {
        const simulated::life alive(watch, self);
        waiting_list d;
        d.waiting.emplace(self.time());
        supe::nursery all(self.time());
        self.set_window(16);
        all.start(obey(self, alive.process(), d, all));
        std::exception_ptr failure;
        try {
            co_await all.join();
        } catch (...) {
            failure = std::current_exception();
        }
        d.waiting->cancel();
        co_await d.waiting->join();
        if (failure) std::rethrow_exception(failure);
        for (permit& p : d.held) p.release();
    }

    awaitable<> obey(component& self, patterns::process_identity process, waiting_list& d,
                     supe::nursery& all) {
        while (auto mail = co_await self.receive()) {
            mail->ack();
            if (mail->body() == R"("get")") d.waiting->start(get(self, process, d));
            if (mail->body() == R"("put")") d.put();
            if (mail->body() == R"("drop")") d.held.pop_front();
            if (mail->body() == R"("idle")") d.idle = true;
            if (mail->body() == R"("use")") d.held.front().connected(7, "app:80");
            if (mail->body() == R"("give up")") d.waiting->cancel();
            if (mail->body() == R"("talk")") all.start(talk(self));
            if (!patterns::take_recall(self, *mail, process)) continue;
            note(self, "is called back");
            if (d.idle) d.put();
        }
        all.cancel();
    }

    /// Says something that is no request, and notes the answer.
    awaitable<> talk(component& self) {
        const supe::mail answer = co_await self.call("/lock", R"({"acquire":{"pid":1}})");
        note(self, "hears " + answer.body());
    }

    awaitable<> get(component& self, patterns::process_identity process, waiting_list& d) {
        permit p;
        try {
            p = co_await patterns::acquire(self, "/lock", peers, process);
        } catch (const supe::system_error&) {
            throw;
        } catch (const std::runtime_error& e) {
            note(self, std::string("is refused: ") + e.what());
        }
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
        for (int i = 0; i < 5; ++i) tasks.start(work(self, alive.process()));
        co_await tasks.join();
    }
    awaitable<> read_mail(component& self, supe::nursery& tasks) {
        while (auto mail = co_await self.receive()) mail->ack();
        tasks.cancel();
    }
    awaitable<> work(component& self, patterns::process_identity process) {
        for (;;) {
            permit p = co_await patterns::acquire(self, "/lock", peers, process);
            if (!p) co_return;
            simulated::connection open(app);
            p.connected(open.port(), "app:80");
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
    BOOST_TEST(t.events() == (lines{"a has one", "a is called back", "a is called back"}),
               boost::test_tools::per_element());
    t.send("a", "put");
    BOOST_TEST(t.events() == (lines{"b is called back", "b has one"}),
               boost::test_tools::per_element());
    t.send("b", "put");
    BOOST_TEST(t.events() == (lines{"a has one"}), boost::test_tools::per_element());
}

// Idle permits are recalled for other holders, also one that was granted after the other had asked;
// also while their holder waits itself, never for that one alone.
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
    BOOST_TEST(t.events() == (lines{"a is called back", "a is called back"}),
               boost::test_tools::per_element());
    t.send("a", "put");
    t.send("a", "put");
    // b gets a recall for c as soon as it has its permit. What two processes do has no order.
    const lines all = t.events();
    lines each;
    for (const char holder : {'a', 'b', 'c'})
        std::ranges::copy_if(all, std::back_inserter(each),
                             [=](const std::string& line) { return line.front() == holder; });
    BOOST_TEST(each == (lines{"a is called back", "a has one", "a is called back",
                              "b is called back", "b has one", "c has one"}),
               boost::test_tools::per_element());
}

// A holder that has got instances since it asked is called back too, although the lock knows its
// old name, and mail to that reaches any instance.
BOOST_AUTO_TEST_CASE(a_holder_that_got_instances_is_called_back) {
    fixture t(1);
    t.run(R"({"name": "a", "component": "user"}, {"name": "b", "component": "user"})");
    t.send("a", "get");
    BOOST_TEST(t.w.by_hand(t.w.root().admin().scale("a", 3)) == "");
    t.events();
    for (int n = 0; n < 3; ++n) {  // the instances take turns
        t.send("b", "get");
        const lines heard = t.events();
        BOOST_TEST(std::ranges::count(heard, "a is called back") == 1);
    }
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
    for (const char* who : {"b", "a"}) t.send(who, "get");
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

// A crash of the lock restarts its holders, and its next life lets the permits rest that were in
// use; the others are free.
BOOST_AUTO_TEST_CASE(after_an_unclean_end_what_was_in_use_rests) {
    fixture t(2);
    t.run(two_users);
    t.send("a", "get");
    t.events();
    t.w.crash("/a");
    t.w.crash("/lock");
    t.w.advance(0ms);
    BOOST_TEST(t.memory.record->permits.size() == 1u);
    t.send("a", "get");
    t.send("b", "get");
    t.w.advance(999ms);
    BOOST_TEST(t.events() == (lines{"a has one", "a is called back"}),
               boost::test_tools::per_element());
    t.w.advance(1ms);
    BOOST_TEST(t.events() == (lines{"b has one"}), boost::test_tools::per_element());
}

// Where it is not known what was in use, all rest.
BOOST_AUTO_TEST_CASE(without_a_record_everything_rests) {
    fixture t(2);
    t.memory.record.emplace().whole = false;
    t.run(two_users);
    t.send("a", "get");
    t.w.advance(999ms);
    BOOST_TEST(t.events() == (lines{}), boost::test_tools::per_element());
    t.w.advance(1ms);
    BOOST_TEST(t.events() == (lines{"a has one"}), boost::test_tools::per_element());
}

// A lock that is restarted beside its holders knows what they hold: it grants nothing that is in
// use, takes back what an earlier life granted, and lets rest what a holder leaves that it never
// spoke with.
BOOST_AUTO_TEST_CASE(holders_outlive_a_lock) {
    fixture t(2);
    t.run(two_users);
    t.send("a", "get");
    t.send("b", "get");
    BOOST_TEST(t.w.by_hand(t.w.root().admin().restart("lock")) == "");
    BOOST_TEST(t.w.starts_of("/a") == 1u);
    t.events();
    t.send("a", "get");
    t.w.advance(10s);
    BOOST_TEST(t.events() == (lines{"b is called back"}), boost::test_tools::per_element());
    t.send("a", "put");
    BOOST_TEST(t.events() == (lines{"a has one"}), boost::test_tools::per_element());
    t.send("a", "get");
    t.events();
    t.w.crash("/b");
    t.w.advance(999ms);
    BOOST_TEST(t.events() == (lines{}), boost::test_tools::per_element());
    t.w.advance(1ms);
    BOOST_TEST(t.events() == (lines{"a has one"}), boost::test_tools::per_element());
}

// With fewer permits than are in use, none is granted until enough are given back.
BOOST_AUTO_TEST_CASE(a_smaller_cap) {
    fixture t(3);
    t.run(two_users);
    for (int i = 0; i < 3; ++i) t.send("a", "get");
    t.settings.permits = 1;
    BOOST_TEST(t.w.by_hand(t.w.root().admin().restart("lock")) == "");
    t.send("b", "get");
    t.events();
    for (int i = 0; i < 2; ++i) t.send("a", "put");
    t.w.advance(10s);
    BOOST_TEST(t.events() == (lines{}), boost::test_tools::per_element());
    t.send("a", "put");
    BOOST_TEST(t.events() == (lines{"b has one"}), boost::test_tools::per_element());
}

// Who stops waiting has asked for nothing: its permit goes to the next, also where it was granted
// in that moment.
BOOST_AUTO_TEST_CASE(a_cancelled_request) {
    fixture t(1);
    t.run(
        R"({"name": "a", "component": "user"}, {"name": "b", "component": "user"}, {"name": "c", "component": "user"})");
    for (const char* who : {"a", "b", "c"}) t.send(who, "get");
    t.send("b", "give up");
    t.events();
    t.send("a", "put");
    BOOST_TEST(t.events() == (lines{"c has one"}), boost::test_tools::per_element());
    t.send("b", "get");
    t.events();
    t.w.mail("b", R"("give up")");
    t.w.mail("c", R"("put")");
    t.w.run_ready();
    t.send("a", "get");
    t.w.advance(2s);
    const auto events = t.events();
    BOOST_REQUIRE(!events.empty());
    BOOST_TEST(events.back() == "a has one");
}

// Every request gets an answer: one that makes no sense, one that waits at a lock that ends, and in
// time one whose lock was killed with it.
BOOST_AUTO_TEST_CASE(every_request_is_answered) {
    fixture t(1);
    t.run(two_users, "one_for_one");
    t.send("a", "talk");
    BOOST_TEST(t.events() == (lines{R"(a hears {"refused":"not understood"})"}),
               boost::test_tools::per_element());
    t.send("a", "get");
    t.send("b", "get");
    t.events();
    t.w.crash("/lock");
    t.w.advance(500ms);
    t.send("a", "put");
    t.w.advance(499ms);
    BOOST_TEST(t.events() == (lines{}), boost::test_tools::per_element());
    t.w.advance(1ms);
    BOOST_TEST(t.events() == (lines{"b has one"}), boost::test_tools::per_element());
    t.send("a", "get");
    t.events();
    t.w.by_hand(t.w.root().admin().restart("lock"));
    BOOST_TEST(t.events() == (lines{R"(a is refused: refused: "the lock ends")"}),
               boost::test_tools::per_element());
}

// A holder is its process, whatever the supervisor calls it: `scale` gives it another name.
BOOST_AUTO_TEST_CASE(a_renamed_holder) {
    fixture t(1);
    t.run(two_users);
    t.send("b", "get");
    BOOST_TEST(t.w.by_hand(t.w.root().admin().scale("b", 2)) == "");
    t.send("a", "get");
    t.send("b.1", "get");
    t.events();
    t.send("b.1", "put");
    BOOST_TEST(t.events() == (lines{"a is called back", "a has one"}),
               boost::test_tools::per_element());
    t.send("a", "put");
    BOOST_TEST(t.events() == (lines{"b has one"}), boost::test_tools::per_element());
}

// It is called back under its new name: mail to the old one goes to each instance in turn.
BOOST_AUTO_TEST_CASE(a_renamed_holder_is_called_back) {
    for (const int others : {0, 1, 2}) {
        fixture t(1);
        t.run(two_users);
        t.send("b", "idle");
        t.send("b", "get");
        BOOST_TEST(t.w.by_hand(t.w.root().admin().scale("b", 3)) == "");
        for (int n = 0; n < others; ++n) t.send("b", "nothing");
        t.events();
        t.send("b.2", "get");
        BOOST_TEST(t.events() == (lines{"b is called back", "b.2 has one"}),
                   boost::test_tools::per_element());
    }
}

// A permit whose connection is known waits for that one alone, whatever others leave open at the
// same destination. Where nothing is seen of it, it was reset, and rests for longer.
BOOST_AUTO_TEST_CASE(known_connections) {
    fixture t(1);
    t.run(two_users);
    t.watch.noisy = true;
    t.app.orphans.push_back({7, t.w.time().now() + 2s, true});
    for (const auto& [port_is_left, rest] : {std::pair{true, 2s}, {false, simulated::timeout}}) {
        t.send("b", "get");
        t.send("b", "use");
        t.send("a", "get");
        t.events();
        if (port_is_left) t.app.orphans.back().closed_at = t.w.time().now() + rest;
        if (!port_is_left) t.app.orphans.clear(), ++t.app.reset;
        t.w.crash("/b");
        t.w.advance(rest - 1ms);
        BOOST_TEST(t.events() == (lines{}), boost::test_tools::per_element());
        t.w.advance(100ms);
        BOOST_TEST(t.events() == (lines{"a has one"}), boost::test_tools::per_element());
        t.send("a", "put");
    }
}

// After a clean end no permit rests; an end while a permit rests is not clean.
BOOST_AUTO_TEST_CASE(only_a_quiet_end_is_clean) {
    {
        fixture t(1);
        t.run(two_users);
        t.send("a", "get");
        BOOST_TEST(t.memory.record.has_value());
        t.send("a", "put");
        BOOST_TEST(t.w.stop());
        BOOST_TEST(!t.memory.record);
    }
    fixture t(1);
    t.run(two_users);
    for (const char* what : {"get", "drop"}) t.send("a", what);
    BOOST_TEST(t.w.stop(500ms));
    BOOST_TEST(t.memory.record.has_value());
}

// A stop is clean although the lock had no time to read that a permit was given back.
BOOST_AUTO_TEST_CASE(stopped_before_it_read_a_release) {
    fixture t(1);
    t.run(two_users);
    t.send("a", "get");
    t.w.freeze("/lock");
    BOOST_TEST(!t.w.stop(500ms));  // the holders have ended, and the lock is asked to
    t.w.thaw("/lock");
    BOOST_TEST((t.w.stop() && !t.memory.record));
}

// However often the lock is restarted, a reset connection's permit rests once.
BOOST_AUTO_TEST_CASE(a_rest_goes_on_in_the_next_life) {
    fixture t(1);
    t.run(two_users);
    for (const char* what : {"get", "use"}) t.send("b", what);
    ++t.app.reset;
    t.w.crash("/b");
    for (int life = 0; life < 3; ++life) {
        t.w.advance(1s);
        BOOST_TEST(t.w.by_hand(t.w.root().admin().restart("lock")) == "");
    }
    t.send("a", "get");
    t.w.advance(simulated::timeout - 3s - 1ms);
    BOOST_TEST((t.events() == lines{"b has one"}));
    t.w.advance(1ms);
    BOOST_TEST((t.events() == lines{"a has one"}));
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

BOOST_AUTO_TEST_SUITE_END()
