// Shows what a component finishes when it is stopped, and what it gives back, in virtual time.
#include "patterns/graceful_shutdown.hpp"
#include "supe/simulation/world.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::component;
using supe::simulation::world;

namespace {

constexpr const char* one_child = R"({"name": "t", "children": [
    {"name": "c", "component": "c", "shutdown": "20s", "mail": {"window": 8}}]})";

/// Works on each mail for as many seconds as its body says.
struct worker {
    patterns::graceful_limits limits{.at_once = 2, .grace = 5s};
    std::vector<std::string> begun{}, done{};
    std::size_t at_work = 0, most_at_work = 0;

    awaitable<> work(component& self, supe::mail mail) {
        begun.push_back(mail.body());
        most_at_work = std::max(most_at_work, ++at_work);
        if (mail.body() == "0") throw std::runtime_error("nothing to do");
        struct at_end {
            std::size_t& n;
            ~at_end() { --n; }
        } mark{at_work};
        co_await self.time().sleep_for(std::chrono::seconds(std::stoi(mail.body())));
        done.push_back(mail.body());
        mail.ack();
    }
    awaitable<> operator()(component& self) {
        const auto handle = [&](supe::mail mail) { return work(self, std::move(mail)); };
        co_await patterns::graceful_shutdown(self, limits, handle);
    }
};

struct scene {
    scene(worker& c, const char* tree = one_child) {
        w.provide("c", std::ref(c));
        w.run(tree);
    }
    void mail(std::initializer_list<const char*> bodies) {
        for (const char* body : bodies) w.mail("c", body);
        w.run_ready();
    }
    world w;
};

using words = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_SUITE(graceful_shutdown)

// Several at once, and never more than the limit.
BOOST_AUTO_TEST_CASE(at_once) {
    worker c;
    scene s(c);
    s.mail({"3", "1", "1", "1"});
    s.w.advance(10s);
    BOOST_TEST(c.done == (words{"1", "1", "3", "1"}), boost::test_tools::per_element());
    BOOST_TEST(c.most_at_work == 2u);
}

// A stop waits for what is in hand, and begins nothing else: the next life does the rest.
BOOST_AUTO_TEST_CASE(finishes_what_is_in_hand) {
    worker c;
    scene s(c);
    s.mail({"2", "4", "1"});
    s.w.advance(1s);
    const auto restarted = s.w.begin(s.w.root().admin().restart("c"));
    s.w.advance(2s);
    BOOST_TEST(c.done == words{"2"}, boost::test_tools::per_element());
    BOOST_TEST(!restarted->has_value());
    s.w.advance(1s);
    BOOST_TEST(c.done == (words{"2", "4"}), boost::test_tools::per_element());
    s.w.advance(1s);
    BOOST_TEST(restarted->has_value());
    BOOST_TEST(c.done == (words{"2", "4", "1"}), boost::test_tools::per_element());
    BOOST_TEST(c.begun.size() == 3u);
    BOOST_TEST(s.w.count("component-crashed") == 0u);
}

// What has not ended within the grace time is cancelled, and its mail comes again.
BOOST_AUTO_TEST_CASE(within_the_grace_time) {
    worker c;
    scene s(c);
    s.mail({"60", "1"});
    s.w.advance(2s);
    const auto restarted = s.w.begin(s.w.root().admin().restart("c"));
    s.w.advance(4s);
    BOOST_TEST(!restarted->has_value());
    s.w.advance(1s);
    BOOST_TEST(restarted->has_value());
    BOOST_TEST(c.begun == (words{"60", "1", "60"}), boost::test_tools::per_element());
    BOOST_TEST(c.at_work == 1u);
    BOOST_TEST(s.w.count("component-crashed") == 0u);
}

// What was delivered and not begun goes to another instance at once, while this one still works.
BOOST_AUTO_TEST_CASE(gives_back) {
    worker c;
    c.limits.at_once = 1;
    scene s(c, R"({"name": "t", "children": [{"name": "c", "component": "c", "instances": 2,
        "shutdown": "20s"}]})");
    s.mail({"4", "1"});
    const auto stopped = s.w.begin(s.w.root().admin().stop("c.1"));
    s.w.run_ready();
    s.mail({"1", "1"});
    s.w.advance(3s + 500ms);
    BOOST_TEST(!stopped->has_value());
    BOOST_TEST(c.done == (words{"1", "1", "1"}), boost::test_tools::per_element());
    s.w.advance(1s);
    BOOST_TEST(stopped->has_value());
    BOOST_TEST(c.done.size() == 4u);
}

// Where one piece of work throws, the others are cancelled, and the component fails.
BOOST_AUTO_TEST_CASE(a_failure_ends_all) {
    worker c;
    scene s(c);
    s.mail({"9", "0"});
    BOOST_TEST(s.w.count("component-crashed") >= 1u);
    BOOST_TEST(c.done.empty());
}

BOOST_AUTO_TEST_SUITE_END()
