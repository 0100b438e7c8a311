// The examples of supe/simulation/README.md, run; and that the page shows them as they are here.
#include "supe/component/component.hpp"
#include "supe/simulation/world.hpp"
#include "tests/support/readme.hpp"

#include <boost/test/unit_test.hpp>
#include <sstream>

using namespace std::chrono_literals;
using supe::simulation::world;

namespace {

// Adds up what its mails say, and publishes the sum.
supe::awaitable<> adder(supe::component& self) {
    std::int64_t sum = 0;
    while (auto mail = co_await self.receive()) {
        sum += mail->value().as_int64();
        self.notify("sum", boost::json::value(sum));
        mail->ack();
    }
}

constexpr auto tree = R"({"name": "t", "children": [{"name": "adder", "component": "adder"}]})";

// Works for a second on each mail.
supe::awaitable<> slow_worker(supe::component& self) {
    while (auto mail = co_await self.receive()) {
        co_await self.time().sleep_for(1s);
        self.notify("attempt", boost::json::value(mail->attempt()));
        mail->ack();
    }
}

// Asks its sibling, for 30 s at most.
supe::awaitable<> asker(supe::component& self) {
    const auto deadline = self.time().now() + 30s;
    boost::json::value said = "nothing";
    try {
        auto answer = co_await self.call("oracle", "6", deadline);
        said = answer.value();
    } catch (const boost::system::system_error&) {}
    self.notify("said", said);
    co_await self.shutdown_requested();
}

constexpr auto two = R"({"name": "t", "children": [{"name": "oracle", "component": "oracle"},
                                                   {"name": "asker", "component": "asker"}]})";

// Publishes its config.
supe::awaitable<> configured(supe::component& self) {
    const boost::json::value config = co_await self.config();
    self.notify("limit", config.at("limit"));
    co_await self.shutdown_requested();
}

/// Without indentation, which is less in the page.
std::string flat(const std::string& text) {
    std::istringstream in(text);
    std::string out, line;
    while (std::getline(in, line)) {
        const auto from = line.find_first_not_of(' ');
        if (from != line.npos) out += line.substr(from) + '\n';
    }
    return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(simulation_page)

BOOST_AUTO_TEST_CASE(mail) {
    world w;
    w.provide("adder", adder);
    w.run(tree);
    w.mail("adder", "2");
    w.mail("adder", "3");
    w.run_ready();
    BOOST_TEST(w.messages("sum").back() == "5");
}

BOOST_AUTO_TEST_CASE(a_crash) {
    world w;
    w.provide("adder", adder);
    w.run(tree);
    w.mail("adder", "2");
    w.run_ready();
    BOOST_TEST(w.crash("/adder"));
    w.mail("adder", "3");
    w.advance(1s);
    BOOST_TEST(w.count("component-crashed") == 1u);
    BOOST_TEST(w.messages("sum").back() == "3");  // a new life has a new sum
}

BOOST_AUTO_TEST_CASE(a_crash_in_the_middle) {
    world w;
    w.provide("slow_worker", slow_worker);
    w.run(R"({"name": "t", "children": [{"name": "slow", "component": "slow_worker"}]})");
    w.mail("slow", "1");
    w.advance(500ms);
    w.crash("/slow");
    w.advance(2s);
    BOOST_TEST(w.messages("attempt").back() == "2");
}

BOOST_AUTO_TEST_CASE(poison) {
    world w;
    w.provide("adder", adder);
    w.run(tree);
    w.mail("adder", R"("two")");  // as_int64() throws
    w.mail("adder", "3");
    w.advance(1min);
    BOOST_TEST(w.count("mail-dead-lettered") == 1u);
    BOOST_TEST(w.messages("sum").back() == "3");
}

BOOST_AUTO_TEST_CASE(a_start_that_fails) {
    world w;
    w.provide("adder", adder);
    w.run(tree);
    w.fail_next_starts("/adder", 2, {"EAGAIN", "Resource temporarily unavailable"});
    w.crash("/adder");
    w.advance(10s);
    BOOST_TEST(w.count("component-start-failed") == 2u);
    BOOST_TEST(w.pid_of("/adder") != 0);
}

BOOST_AUTO_TEST_CASE(an_invented_sibling) {
    world w;
    w.provide("asker", asker);
    w.provide("oracle", [](supe::component& self) -> supe::awaitable<> {
        while (auto question = co_await self.receive()) {
            question->answer("42");
            question->ack();  // an answer is no ack: without it the next question is not delivered
        }
    });
    w.run(two);
    BOOST_TEST(w.messages("said").back() == "42");
}

BOOST_AUTO_TEST_CASE(a_sibling_that_hangs) {
    world w;
    w.provide("asker", asker);
    w.provide("oracle", [](supe::component& self) { return self.shutdown_requested(); });
    w.run(two);
    BOOST_TEST(w.count("said") == 0u);
    w.advance(30s);
    BOOST_TEST(w.messages("said").back() == R"("nothing")");
}

BOOST_AUTO_TEST_CASE(a_process_that_stands_still) {
    world w;
    w.provide("adder", adder);
    w.run(tree);
    w.freeze("/adder");
    w.mail("adder", "2");
    w.advance(1h);
    BOOST_TEST(w.count("sum") == 0u);
    w.thaw("/adder");
    BOOST_TEST(w.messages("sum").back() == "2");
}

BOOST_AUTO_TEST_CASE(config) {
    world w;
    w.provide("configured", configured);
    w.run(R"({"name": "t", "children": [
        {"name": "c", "component": "configured", "config": {"limit": 7}}]})");
    BOOST_TEST(w.messages("limit").back() == "7");
}

BOOST_AUTO_TEST_CASE(an_operator) {
    world w;
    w.provide("adder", adder);
    w.run(tree);
    BOOST_TEST(w.by_hand(w.root().admin().stop("adder")) == "");
    w.mail("adder", "2");
    w.advance(1h);
    BOOST_TEST(w.count("sum") == 0u);
    BOOST_TEST(w.by_hand(w.root().admin().start("adder")) == "");
    BOOST_TEST(w.count("sum") == 1u);  // the mail was kept
}

BOOST_AUTO_TEST_CASE(the_end) {
    world w;
    w.provide("adder", adder);
    w.run(tree);
    BOOST_TEST(w.stop(8s));
    BOOST_TEST(w.ended_cleanly());
    BOOST_TEST(w.clean_up());
}

BOOST_AUTO_TEST_CASE(seeds) {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        world w(seed);
        w.provide("slow_worker", slow_worker);
        w.run(R"({"name": "t", "children": [{"name": "slow", "component": "slow_worker"}]})");
        for (int i = 0; i < 20; ++i) {
            w.mail("slow", "1");
            w.advance(w.random() < 0.5 ? 300ms : 3s);
            if (w.random() < 0.1) w.crash("/slow");
        }
        w.advance(1min);
        // Each mail at least once, or it is a dead letter: three crashes in a row were its own.
        BOOST_TEST(w.count("attempt") + w.count("mail-dead-lettered") >= 20u, "seed " << seed);
    }
}

// Each block of the page stands in this file.
BOOST_AUTO_TEST_CASE(shows_what_runs) {
    const std::filesystem::path top = SUPE_SOURCE_DIR;
    const std::string here =
        flat(support::read_file(top / "tests/scenarios/simulation_page_test.cpp"));
    const std::string page = support::read_file(top / "supe/simulation/README.md");
    const std::string fence = "```cpp\n";
    unsigned blocks = 0;
    for (auto at = page.find(fence); at != page.npos; at = page.find(fence, at + 1), ++blocks) {
        const auto from = at + fence.size();
        const std::string block = flat(page.substr(from, page.find("```\n", from) - from));
        BOOST_TEST(here.find(block) != here.npos, block);
    }
    BOOST_TEST(blocks == 16u);
}

BOOST_AUTO_TEST_SUITE_END()
