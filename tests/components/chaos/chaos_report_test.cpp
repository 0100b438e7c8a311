// Shows how `supe chaos` keeps its books, and that it finds a loss, a stranger and a broken cap.
#include "components/chaos/chaos.hpp"

#include <boost/test/unit_test.hpp>

using components::chaos_counts;
using components::chaos_ledger;
using report = components::chaos_report;

namespace {

report report_of(const chaos_ledger& ledger, std::size_t most_open = 5) {
    report r;
    r.counts = ledger.counts();
    r.most_open = most_open;
    r.connections = 5;
    return r;
}

bool says(const report& r, const std::string& line) {
    const std::string text = components::text_of_report(r);
    BOOST_TEST_INFO(text);
    return text.find(line) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(chaos_report)

// Each webhook counts once, whatever comes in which order.
BOOST_AUTO_TEST_CASE(counts) {
    chaos_ledger ledger;
    for (int i = 0; i < 5; ++i) ledger.attempt();
    ledger.acknowledge(0);
    ledger.deliver(0, true);
    ledger.deliver(1, true);  // before its acknowledgement
    ledger.acknowledge(1);
    ledger.acknowledge(1);
    ledger.deliver(1, true);  // once more
    ledger.deliver(2, true);  // without any
    ledger.acknowledge(3);
    BOOST_TEST(ledger.missing() == 1u);
    const chaos_counts c = ledger.counts();
    BOOST_TEST(c.attempted == 5u);
    BOOST_TEST(c.acknowledged == 3u);
    BOOST_TEST(c.delivered == 3u);
    BOOST_TEST(c.lost == 1u);
    BOOST_TEST(c.duplicated == 1u);
    BOOST_TEST(c.recovered == 1u);
    BOOST_TEST(c.unexpected == 0u);
    ledger.deliver(3, true);
    BOOST_TEST(ledger.missing() == 0u);
}

// What nobody sent, and what arrives with other bytes, is unexpected and no delivery.
BOOST_AUTO_TEST_CASE(strangers) {
    chaos_ledger ledger;
    ledger.acknowledge(ledger.attempt());
    ledger.deliver(0, false);
    ledger.deliver(99, true);
    ledger.deliver_unknown();
    BOOST_TEST(ledger.counts().unexpected == 3u);
    BOOST_TEST(ledger.missing() == 1u);
}

// A loss, a stranger, one connection too many, and trouble are each no good.
BOOST_AUTO_TEST_CASE(verdicts) {
    chaos_ledger ledger;
    ledger.acknowledge(ledger.attempt());
    ledger.deliver(0, true);
    BOOST_TEST(is_good(report_of(ledger)));
    BOOST_TEST(!is_good(report_of(ledger, 6)));
    report troubled = report_of(ledger);
    troubled.trouble = "it did not start";
    BOOST_TEST(!is_good(troubled));
    chaos_ledger strange = ledger;
    strange.deliver_unknown();
    BOOST_TEST(!is_good(report_of(strange)));
    ledger.acknowledge(ledger.attempt());
    report lossy = report_of(ledger);
    BOOST_TEST(!is_good(lossy));
    BOOST_TEST(says(lossy, "lost                 1  acknowledged, and never arrived\n"));
    lossy.was_interrupted = true;
    BOOST_TEST(is_good(lossy));
    BOOST_TEST(says(lossy, "outstanding          1  "));
}

BOOST_AUTO_TEST_CASE(text) {
    report r = report_of(chaos_ledger());
    r.kills = {{"queue", 3}, {"relay", 1}};
    BOOST_TEST(says(r, "attempted            0\n"));
    BOOST_TEST(says(r, "kills                4  queue 3, relay 1\n"));
    BOOST_TEST(says(r, "connections          5  at most, 5 allowed\n"));
}

// Bodies differ from one another, and hold every kind of byte.
BOOST_AUTO_TEST_CASE(bodies) {
    BOOST_TEST(components::chaos_body(7) == components::chaos_body(7));
    BOOST_TEST(components::chaos_body(7) != components::chaos_body(8));
    BOOST_TEST(components::chaos_body(24).find('\0') != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
