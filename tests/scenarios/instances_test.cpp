// Children with instances: one name, one mailbox, several processes that take from it (contract §5
// `instances`).
#include "tests/support/players.hpp"

#include <boost/test/unit_test.hpp>

using supe::awaitable;
using supe::component;
using support::player_world;
using namespace std::chrono_literals;
using status = supe::restarter::status;

namespace {

/// A world whose workers note the mail that they take: `w.2: 7` (and `again` from the second
/// attempt on). They keep it for a second.
struct workshop {
    explicit workshop(const std::string& more, unsigned instances = 3) {
        world.provide("worker", [this](component& self) { return work(self); });
        support::provide_players(world);
        world.run(tree(more, instances));
    }
    static std::string tree(const std::string& more, unsigned instances) {
        return fmt::format(R"({{"name": "t", "children": [{{"name": "a", "component": "diligent"}},
            {{"name": "w", "component": "worker"{}, "instances": {}}}, {{"name": "z", "component": "diligent"}}]}})",
                           more, instances);
    }
    awaitable<> work(component& self) {
        while (auto mail = co_await self.receive()) {
            taken.push_back(fmt::format("{}: {}{}", self.name(), mail->body(),
                                        mail->attempt() > 1 ? " again" : ""));
            co_await self.shutdown_requested_until(self.time().now() + 1s);
            if (!self.shutting_down()) mail->ack();
        }
    }
    status of(const std::string& name) { return world.root().status_of(*world.root().find(name)); }
    std::string names() {
        std::string all;
        for (const supe::child* c : world.root().children()) all += c->spec().name + " ";
        return all;
    }
    std::vector<pid_t> pids() {
        std::vector<pid_t> all;
        for (const supe::child* c : world.root().members("w")) all.push_back(c->pid());
        return all;
    }

    std::vector<std::string> taken;
    supe::simulation::world world;
};

using words = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_SUITE(instances)

// Instances start in order, each under its own name. Each mail is in flight to one of them, and a
// free one takes the next mail.
BOOST_AUTO_TEST_CASE(one_mailbox) {
    workshop s("");
    BOOST_TEST(s.names() == "a w.1 w.2 w.3 z ");
    BOOST_TEST(s.world.count("w.2-started") == 1u);
    BOOST_TEST(s.world.count("w-started") == 0u);
    for (int i = 1; i <= 5; ++i) s.world.mail("/w", std::to_string(i));
    BOOST_TEST(s.taken.size() == 3u);
    BOOST_TEST(s.world.root().entry_of(*s.world.root().members("w").front()).mail.box.queued() ==
               2u);
    s.world.advance(1s);
    BOOST_TEST(s.taken.size() == 5u);
    std::ranges::sort(s.taken, {}, [](const std::string& t) { return t.substr(5); });
    for (int i = 1; i <= 5; ++i)
        BOOST_TEST(s.taken[static_cast<std::size_t>(i) - 1].ends_with(std::to_string(i)));
}

// The mail in flight to a dead instance goes to another one, before fresh mail.
BOOST_AUTO_TEST_CASE(mail_of_a_dead_instance) {
    workshop s(R"(, "backoff": {"first": "30s"})", 2);
    for (int i = 1; i <= 3; ++i) s.world.mail("/w", std::to_string(i));
    const std::string holder = s.taken.front().substr(0, 3);
    s.world.crash("/" + holder);
    s.taken.clear();
    s.world.advance(3s);
    const std::string other = holder == "w.1" ? "w.2" : "w.1";
    BOOST_TEST(s.taken == (words{other + ": 1 again", other + ": 3"}),
               boost::test_tools::per_element());
}

// Mail to one instance is for it alone.
BOOST_AUTO_TEST_CASE(mail_to_one) {
    workshop s("");
    s.world.mail("/w.2", "7");
    BOOST_TEST(s.taken == words{"w.2: 7"}, boost::test_tools::per_element());
    s.world.mail("/w.4", "8");
    BOOST_TEST(s.world.count("mail-undeliverable") == 1u);
}

// Each instance has its own limit; the name is given up when all are down.
BOOST_AUTO_TEST_CASE(given_up) {
    workshop s(R"(, "max_restarts": 0)", 2);
    s.world.crash("/w.1");
    BOOST_TEST(s.of("w.1") == status::given_up);
    BOOST_TEST(s.world.count("component-excessive-crash") == 0u);
    s.world.crash("/w.2");
    BOOST_TEST(s.world.messages("w-excessive-crash") ==
                   words{R"({"name":"w","restarts":0,"within_ms":60000,"mailbox":null})"},
               boost::test_tools::per_element());
    s.world.mail("/w", "1");
    BOOST_TEST(s.taken.empty());
    BOOST_TEST(s.world.by_hand(s.world.root().admin().start("w")) == "");
    BOOST_TEST(s.taken.size() == 1u);
}

// scale: more, then fewer; the ones that stay are not touched, and the highest numbers go.
BOOST_AUTO_TEST_CASE(scaled) {
    workshop s("", 2);
    const auto before = s.pids();
    BOOST_TEST(s.world.by_hand(s.world.root().admin().scale("w", 4)) == "");
    BOOST_TEST(s.names() == "a w.1 w.2 w.3 w.4 z ");
    BOOST_TEST(s.pids()[0] == before[0]);
    BOOST_TEST(s.pids()[1] == before[1]);
    BOOST_TEST(s.world.by_hand(s.world.root().admin().scale("w", 1)) == "");
    BOOST_TEST(s.names() == "a w.1 z ");
    BOOST_TEST(s.pids() == std::vector<pid_t>{before[0]}, boost::test_tools::per_element());
    BOOST_TEST(s.world.count("component-removed") == 3u);
    BOOST_TEST(s.world.starts_of("/z") == 1u);
    BOOST_TEST(s.world.by_hand(s.world.root().admin().scale("w", 0)) ==
               "0 is not a number of instances from 1 to 10000");
    BOOST_TEST(s.world.by_hand(s.world.root().admin().scale("w.1", 2)) ==
               "w.1 is an instance of w; scale that");
    BOOST_TEST(s.world.by_hand(s.world.root().admin().scale("nobody", 2)) ==
               "no such child: nobody");
}

// A child without instances goes on as the first of several, with its mail in flight and all mail
// that waits.
BOOST_AUTO_TEST_CASE(scaled_from_one) {
    workshop s("", 1);
    BOOST_TEST(s.names() == "a w z ");
    for (int i = 1; i <= 3; ++i) s.world.mail("/w", std::to_string(i));
    const auto pid = s.world.pid_of("/w");
    BOOST_TEST(s.world.by_hand(s.world.root().admin().scale("w", 3)) == "");
    BOOST_TEST(s.names() == "a w.1 w.2 w.3 z ");
    BOOST_TEST(s.pids()[0] == pid);
    BOOST_TEST(s.taken.size() == 3u);
    s.world.advance(1s);
    BOOST_TEST(s.world.root().entry_of(*s.world.root().members("w").front()).mail.box.empty());
    s.world.crash("/w");  // the address of its environment
    s.world.advance(1s);
    BOOST_TEST(s.world.pid_of("/w.1") != 0);
}

// The mail in flight to a removed instance goes back to the others.
BOOST_AUTO_TEST_CASE(scaled_down_with_mail) {
    workshop s("", 2);
    for (int i = 1; i <= 2; ++i) s.world.mail("/w", std::to_string(i));
    BOOST_TEST(s.world.by_hand(s.world.root().admin().scale("w", 1)) == "");
    s.world.advance(3s);
    BOOST_TEST(s.taken.size() == 3u);
    BOOST_TEST(s.taken.back().starts_with("w.1: "));
    BOOST_TEST(s.taken.back().ends_with(" again"));
    BOOST_TEST(s.world.count("mail-dead-lettered") == 0u);
}

// A new instance that cannot be started is removed again, and no further one is started.
BOOST_AUTO_TEST_CASE(scaled_and_cannot_start) {
    workshop s("", 2);
    s.world.fail_next_starts("/w.4", 1, {"EAGAIN", "Resource temporarily unavailable"});
    BOOST_TEST(s.world.by_hand(s.world.root().admin().scale("w", 5)) ==
               "/w.4 could not be started: Resource temporarily unavailable");
    BOOST_TEST(s.names() == "a w.1 w.2 w.3 z ");
}

// In commands the name means all instances; a restart takes one after the other.
BOOST_AUTO_TEST_CASE(manual_all_or_one) {
    workshop s("", 2);
    BOOST_TEST(s.world.by_hand(s.world.root().admin().stop("w.2")) == "");
    BOOST_TEST(s.of("w.1") == status::running);
    BOOST_TEST(s.world.by_hand(s.world.root().admin().stop("w")) == "");
    BOOST_TEST(s.of("w.1") == status::stopped);
    s.world.mail("/w", "1");
    BOOST_TEST(s.world.by_hand(s.world.root().admin().start("w")) == "");
    BOOST_TEST(s.taken.size() == 1u);
    BOOST_TEST(s.world.by_hand(s.world.root().admin().restart("w")) == "");
    BOOST_TEST(s.world.starts_of("/w.1") == 3u);
    BOOST_TEST(s.world.by_hand(s.world.root().admin().remove("w")) == "");
    BOOST_TEST(s.names() == "a z ");
    BOOST_TEST(s.world.by_hand(s.world.root().admin().add(supe::parse_child(
                   R"({"name": "w", "component": "worker", "instances": 2})", "child", "/"))) ==
               "");
    BOOST_TEST(s.names() == "a z w.1 w.2 ");
}

// Either all instances are added, or no instance.
BOOST_AUTO_TEST_CASE(added_and_cannot_start) {
    workshop s("", 1);
    s.world.fail_next_starts("/v.2", 1, {"EAGAIN", "Resource temporarily unavailable"});
    BOOST_TEST(s.world.by_hand(s.world.root().admin().add(supe::parse_child(
                   R"({"name": "v", "component": "worker", "instances": 3})", "child", "/"))) ==
               "/v.2 could not be started: Resource temporarily unavailable");
    BOOST_TEST(s.names() == "a w z ");
}

// On demand one more instance starts for each mail that no free instance takes; idle ones count as
// ready.
BOOST_AUTO_TEST_CASE(on_demand) {
    workshop s(R"(, "demand": true)");
    BOOST_TEST(s.world.root().is_booted());
    BOOST_TEST(s.of("w.1") == status::idle);
    s.world.mail("/w", "1");
    BOOST_TEST(s.of("w.1") == status::running);
    BOOST_TEST(s.of("w.2") == status::idle);
    s.world.mail("/w", "2");
    BOOST_TEST(s.of("w.2") == status::running);
    BOOST_TEST(s.of("w.3") == status::idle);
    s.world.advance(1s);
    s.world.mail("/w", "3");
    BOOST_TEST(s.of("w.3") == status::idle);
    BOOST_TEST(s.taken.size() == 3u);
}

/// Workers on demand that take one mail each, keep it for a while, and end when none comes.
struct idlers {
    idlers(supe::milliseconds keeps, supe::milliseconds patience) {
        world.provide("idler", [this, keeps, patience](component& self) {
            return idle(self, taken, keeps, patience);
        });
        world.run(R"({"name": "t", "children": [{"name": "w", "component": "idler", "demand": true,
            "instances": 3, "max_restarts": 3, "within": "60s"}]})");
    }
    static awaitable<> idle(component& self, unsigned& taken, supe::milliseconds keeps,
                            supe::milliseconds patience) {
        for (;;) {
            auto mail = co_await self.receive_until(self.time().now() + patience);
            if (!mail) co_return;
            ++taken;
            co_await self.time().sleep_for(keeps);
            mail->ack();
        }
    }
    std::size_t queued() {
        const auto& box = world.root().entry_of(*world.root().members("w").front()).mail.box;
        return box.queued() + box.in_flight();
    }
    unsigned taken = 0;
    supe::simulation::world world;
};

// An instance that is started for a mail which its sibling takes, and ends without one, has not
// failed: not when the sibling has long acknowledged it, nor while it still has it.
BOOST_AUTO_TEST_CASE(a_sibling_takes_the_mail) {
    for (const auto keeps : {0ms, 10ms, 800ms, 1500ms}) {
        idlers i(keeps, 300ms);
        for (int s = 0; s < 60; ++s) {
            i.world.mail("/w", "1");
            i.world.mail("/w", "2");
            i.world.advance(1s);
        }
        i.world.advance(5s);
        BOOST_TEST(i.taken == 120u);
        BOOST_TEST(i.world.count("component-excessive-crash") == 0u);
        for (const supe::child* c : i.world.root().members("w"))
            BOOST_TEST(i.world.root().status_of(*c) == status::idle);
    }
}

// One that ends while its mail still waits has failed, whatever its siblings do.
BOOST_AUTO_TEST_CASE(leaves_its_mail_waiting) {
    workshop s(R"(, "demand": true, "max_restarts": 2, "within": "60s")", 2);
    s.world.mail("/w", "1");  // w.1 has it for a second
    s.world.provide("worker", support::nothing_to_do);
    s.world.mail("/w", "2");
    s.world.advance(500ms);
    BOOST_TEST(s.of("w.2") == status::given_up);
    BOOST_TEST(s.world.starts_of("/w.2") == 3u);
}

/// The first instance works for 100 ms on each mail. The others take none, and end after 300 ms.
awaitable<> only_the_first_works(component& self) {
    if (self.name() != "w.1") {
        co_await self.time().sleep_for(300ms);
        co_return;
    }
    while (auto mail = co_await self.receive()) {
        co_await self.time().sleep_for(100ms);
        mail->ack();
    }
}

// Mail that comes after the start of an instance, and waits at its end, does not count against it:
// what it was started for, its sibling took.
BOOST_AUTO_TEST_CASE(later_mail_does_not_count) {
    supe::simulation::world world;
    world.provide("worker", only_the_first_works);
    world.run(R"({"name": "t", "children": [{"name": "w", "component": "worker", "demand": true,
        "instances": 2, "max_restarts": 0}]})");
    world.mail("/w", "1");
    world.mail("/w", "2");  // w.2 starts for it; w.1 takes it after 100 ms
    world.advance(250ms);
    BOOST_TEST(world.starts_of("/w.2") == 1u);
    world.mail("/w", "3");
    world.mail("/w", "4");  // it waits when w.2 ends, after 300 ms, and w.1 has it after 350 ms
    world.advance(1s);
    BOOST_TEST(world.starts_of("/w.2") == 2u);
    const supe::child& second = *world.root().find("w.2");
    BOOST_TEST(world.root().status_of(second) == status::idle);
}

// Mail for one instance alone starts that one, and none of its siblings, also where it is held
// down. Mail for all of them starts the others meanwhile.
BOOST_AUTO_TEST_CASE(on_demand_for_one) {
    workshop s(R"(, "demand": true, "max_restarts": 2, "within": "60s")", 3);
    s.world.mail("/w.3", "1");
    BOOST_TEST(s.taken == words{"w.3: 1"}, boost::test_tools::per_element());
    BOOST_TEST(s.of("w.1") == status::idle);
    BOOST_TEST(s.world.by_hand(s.world.root().admin().stop("w.1")) == "");
    s.world.mail("/w.1", "2");
    s.world.advance(5s);
    BOOST_TEST(s.world.starts_of("/w.2") == 0u);
    s.world.exit("/w.3");
    BOOST_TEST(s.of("w.3") == status::idle);
    s.world.mail("/w", "3");
    s.world.mail("/w", "4");
    BOOST_TEST(s.of("w.2") == status::running);
    BOOST_TEST(s.of("w.3") == status::running);
    s.world.advance(5s);
    BOOST_TEST(s.taken.size() == 3u);
    BOOST_TEST(s.world.by_hand(s.world.root().admin().start("w.1")) == "");
    BOOST_TEST(s.taken.back() == "w.1: 2");
}

// A reload changes their number or their spec; what did not change in the file stays as an operator
// left it.
BOOST_AUTO_TEST_CASE(reloaded) {
    workshop s("", 2);
    const auto reload = [&](const std::string& more, unsigned instances) {
        return s.world.by_hand(s.world.root().admin().reload(
            supe::parse_tree(workshop::tree(more, instances), "tree", "/")));
    };
    s.world.by_hand(s.world.root().admin().scale("w", 3));
    BOOST_TEST(reload("", 2) == "");
    BOOST_TEST(s.names() == "a w.1 w.2 w.3 z ");
    const auto pids = s.pids();
    BOOST_TEST(reload(R"(, "max_restarts": 7)", 2) == "");
    BOOST_TEST(s.pids() == pids, boost::test_tools::per_element());
    BOOST_TEST(reload("", 4) == "");
    BOOST_TEST(s.names() == "a w.1 w.2 w.3 w.4 z ");
    BOOST_TEST(s.pids()[0] == pids[0]);
    BOOST_TEST(reload(R"(, "env": {"X": "1"})", 4) == "");
    BOOST_TEST(s.pids()[0] != pids[0]);
    BOOST_TEST(s.world.starts_of("/w.4") == 2u);
    BOOST_TEST(s.world.starts_of("/a") == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
