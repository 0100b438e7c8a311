// Shows what patterns::batcher puts together, and when it acknowledges, in virtual time.
#include "patterns/batcher.hpp"
#include "supe/simulation/world.hpp"

#include <boost/test/unit_test.hpp>

using namespace std::chrono_literals;
using supe::awaitable;
using supe::component;
using supe::simulation::world;

namespace {

/// Notes each batch, as `1+2+3`. The work of one takes `takes`.
struct storer {
    supe::batch_limits limits{.count = 3, .wait = 50ms};
    supe::duration takes{};
    std::vector<std::string> batches{};

    awaitable<> operator()(component& self) {
        patterns::batcher all{self, limits};
        while (co_await all.next()) {
            std::string batch;
            for (const supe::mail& m : all.mails()) batch += (batch.empty() ? "" : "+") + m.body();
            batches.push_back(batch);
            co_await self.time().sleep_for(takes);
        }
    }
};

struct scene {
    explicit scene(storer& c) {
        w.provide("c", std::ref(c));
        w.run(
            R"({"name": "t", "children": [{"name": "c", "component": "c", "mail": {"attempts": 9}}]})");
    }
    void mail(int first, int last) {
        for (int i = first; i <= last; ++i) w.mail("c", std::to_string(i));
    }
    world w;
};

using words = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_SUITE(batcher)

// A full batch waits for nothing; one that is not full waits for others, for its time.
BOOST_AUTO_TEST_CASE(count_or_time) {
    storer c;
    scene s(c);
    s.mail(1, 4);
    s.w.run_ready();
    BOOST_TEST(c.batches == words{"1+2+3"}, boost::test_tools::per_element());
    s.w.advance(40ms);
    s.mail(5, 5);
    s.w.run_ready();
    BOOST_TEST(c.batches.size() == 1u);
    s.w.advance(10ms);
    BOOST_TEST(c.batches == (words{"1+2+3", "4+5"}), boost::test_tools::per_element());
}

// A limit of bytes ends a batch with the mail that reaches it. A wait of 0 takes what is there.
BOOST_AUTO_TEST_CASE(bytes_and_no_wait) {
    storer c{.limits = {.count = 10, .bytes = 4}};
    scene s(c);
    s.mail(11, 15);
    s.w.run_ready();
    std::string all;
    for (const std::string& batch : c.batches) {
        BOOST_TEST(batch.size() <= 5u);
        all += (all.empty() ? "" : "+") + batch;
    }
    BOOST_TEST(all == "11+12+13+14+15");
}

// A batch is acknowledged when it has been handled: a crash before that delivers it again.
BOOST_AUTO_TEST_CASE(acknowledged_together) {
    storer c{.takes = 1s};
    scene s(c);
    s.mail(1, 3);
    s.w.advance(500ms);
    BOOST_TEST(s.w.crash("/c"));
    s.w.advance(20s);
    words again(c.batches.begin() + 1, c.batches.end());
    BOOST_TEST(again == (words{"1", "2", "3"}), boost::test_tools::per_element());  // suspects
    BOOST_TEST(s.w.crash("/c"));
    s.w.advance(20s);
    BOOST_TEST(c.batches.size() == 4u);
}

// Asked to shut down it handles no other batch: what it was gathering stays in the mailbox.
BOOST_AUTO_TEST_CASE(shutdown) {
    storer c{.limits = {.count = 3, .wait = 10s}};
    scene s(c);
    s.mail(1, 2);
    s.w.advance(1s);
    s.w.by_hand(s.w.root().admin().restart("c"));
    s.w.run_ready();
    BOOST_TEST(c.batches.empty());
    s.mail(3, 3);
    s.w.run_ready();
    BOOST_TEST(c.batches == words{"1+2+3"}, boost::test_tools::per_element());
    BOOST_TEST(s.w.stop(5s));
    BOOST_TEST(s.w.ended_cleanly());
}

BOOST_AUTO_TEST_SUITE_END()
