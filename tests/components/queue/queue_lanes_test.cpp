// Shows that each route has a lane of its own: what befalls the destination of one delays no other,
// and a destination that was down gets all that waited soon after its return (contract §7,
// Outcome).
#include "tests/components/queue/queue_world.hpp"

#include <algorithm>

using namespace std::chrono_literals;
using queue_tests::lines;
using scene = queue_tests::queue_world;

namespace {

const std::string two_routes = R"("routes": [
    {"name": "a", "forwarder": "forwarder", "in_flight": 3},
    {"name": "b", "in_flight": 3}])";
const std::string to_a = R"("route":"a",)", to_b = R"("route":"b",)";

std::string keyed(const std::string& key) { return fmt::format(R"("order_key":"{}",)", key); }

/// The longest of those whose id begins so.
supe::duration slowest(const scene& s, const std::string& beginning) {
    supe::duration most{};
    for (const auto& [id, took] : s.took)
        if (id.starts_with(beginning)) most = std::max(most, took);
    return most;
}

std::size_t arrived(const scene& s, const std::string& beginning) {
    return static_cast<std::size_t>(std::ranges::count_if(
        s.delivered, [&](const auto& one) { return one.first.starts_with(beginning); }));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(queue_lanes)

// The destination of one route hangs, wants no more (410), or kills its forwarder: the other route
// has all of its webhooks at once.
BOOST_AUTO_TEST_CASE(one_route_delays_no_other) {
    for (const char* trouble : {"hangs", "gone", "kills"}) {
        scene s;
        s.a_try = 10ms;
        if (trouble == std::string("hangs")) s.holds = {"forwarder-b"};
        for (int i = 0; i < 20; ++i)
            s.statuses[fmt::format("b{}", i)] = {trouble == std::string("gone")    ? 410
                                                 : trouble == std::string("kills") ? -1
                                                                                   : 200};
        s.run(two_routes);
        for (int i = 0; i < 20; ++i) {
            s.send(fmt::format("b{}", i), 0, to_b);
            s.send(fmt::format("a{}", i), 0, to_a);
        }
        s.w.advance(1s);
        BOOST_TEST(arrived(s, "a") == 20u, trouble);
        BOOST_TEST((slowest(s, "a") < 500ms), trouble);
        BOOST_TEST(arrived(s, "b") == 0u, trouble);
        s.send("a-last", 0, to_a);
        s.w.advance(100ms);
        BOOST_TEST(s.delivered["a-last"] == 1, trouble);
    }
}

// A route that is not in the settings any more keeps its webhooks; they are counted, and delivered
// when it is back. One that is new, and unknown, is refused with the choices.
BOOST_AUTO_TEST_CASE(a_route_that_is_gone_for_a_time) {
    scene s;
    s.run(two_routes);
    s.holds = {"forwarder-b"};
    s.send("b1", 0, to_b);
    s.send("b2", 0, to_b);
    s.send("c1", 0, R"("route":"c",)");
    s.w.advance(1s);
    BOOST_TEST(s.kept.size() == 2u);
    BOOST_TEST(s.refused == 1u);
    s.w.stop();
    s.holds.clear();
    s.run(R"("routes": [{"name": "a", "forwarder": "forwarder"}])");
    s.w.advance(1h);
    const auto told = boost::json::parse(s.w.messages("queue-depth").back());
    BOOST_TEST(told.at("pending") == 2);
    BOOST_TEST(told.at("routes").at("b").at("pending") == 2);
    s.w.stop();
    s.run(two_routes);
    s.w.advance(10s);
    BOOST_TEST(arrived(s, "b") == 2u);
    BOOST_TEST(s.is_balanced());
}

// After ten seconds without the destination everything is delivered within seconds of its return.
BOOST_AUTO_TEST_CASE(a_short_outage) {
    scene s;
    s.a_try = 10ms;
    s.run(R"("in_flight": 24)");
    s.down = {"forwarder"};
    for (int i = 0; i < 200; ++i) {
        s.send(fmt::format("w{}", i));
        s.w.advance(50ms);
    }
    BOOST_TEST(arrived(s, "w") == 0u);
    BOOST_TEST(s.w.count("destination-down") == 1u);
    s.down.clear();
    s.w.advance(15s);
    BOOST_TEST(arrived(s, "w") == 200u);
    BOOST_TEST(s.w.count("destination-up") == 1u);
    BOOST_TEST(s.is_balanced());
}

// While it is down for an hour one webhook at a time tries it. The backlog is delivered within
// minutes of its return, and nobody has waited for an own delay.
BOOST_AUTO_TEST_CASE(a_long_outage) {
    scene s;
    s.a_try = 100ms;
    s.run(R"("in_flight": 24)");
    s.down = {"forwarder"};
    for (int minute = 0; minute < 60; ++minute) {
        for (int i = 0; i < 30; ++i) s.send(fmt::format("w{}-{}", minute, i));
        s.w.advance(1min);
    }
    BOOST_TEST(s.events().size() < 200u);  // some before the circuit opened, then two a minute
    BOOST_TEST(s.kept.size() == 1800u);
    s.down.clear();
    s.w.advance(1min);
    BOOST_TEST(arrived(s, "w") == 1800u);
    BOOST_TEST(s.most <= 24u);
    BOOST_TEST(s.is_balanced());
}

// A row of webhooks that the destination cannot take opens the circuit, and the one behind them
// does not wait until each of these was a probe.
BOOST_AUTO_TEST_CASE(behind_a_row_of_bad_ones) {
    scene s;
    s.run();
    for (int n = 0; n < 50; ++n) {
        const std::string id = fmt::format("bad{}", n);
        s.statuses[id] = std::deque<int>(20, 500);
        s.send(id);
    }
    s.w.advance(500ms);
    BOOST_TEST(s.w.count("destination-down") == 1u);
    s.send("good");
    s.w.advance(5s);
    BOOST_TEST(s.delivered["good"] == 1);
    s.w.advance(10min);
    BOOST_TEST(s.is_balanced());
}

// So it is where nothing new arrives behind the good ones, and where all of them were tried already
// while the destination was down.
BOOST_AUTO_TEST_CASE(good_ones_behind_a_row_of_bad_ones) {
    for (const bool tried : {false, true}) {
        scene s;
        s.run();
        for (int n = 0; n < 40; ++n) {
            const std::string id = fmt::format("bad{}", n);
            s.statuses[id] = std::deque<int>(500, 503);
            s.send(id);
        }
        for (int n = 0; n < 40; ++n) {
            const std::string id = fmt::format("good{}", n);
            if (tried) s.statuses[id] = {503};
            s.send(id);
        }
        s.w.advance(tried ? 30min : 2min);
        BOOST_TEST(arrived(s, "good") == 40u, tried);
        BOOST_TEST(s.is_balanced());
    }
}

// One webhook that always fails, beside others that do not, is its own trouble: the circuit stays
// closed, and its delays grow.
BOOST_AUTO_TEST_CASE(one_bad_webhook_is_no_outage) {
    scene s;
    s.statuses["bad"] = std::deque<int>(1000, 500);
    s.run();
    s.send("bad");
    for (int i = 0; i < 360; ++i) {
        s.send(fmt::format("good{}", i));
        s.w.advance(10s);
    }
    BOOST_TEST(s.w.count("destination-down") == 0u);
    BOOST_TEST(arrived(s, "good") == 360u);
    BOOST_TEST((slowest(s, "good") < 1s));
    BOOST_TEST(1000u - s.statuses["bad"].size() < 12u);
}

// In an ordered route the webhooks of a key come strictly one after the other, also when one fails,
// and when queue and forwarder crash. The others do not wait for that key.
BOOST_AUTO_TEST_CASE(order_per_key) {
    scene s;
    s.a_try = 20ms;
    s.statuses["k2"] = {500, 404, 200};
    s.run(
        R"("routes": [{"name": "default", "forwarder": "forwarder", "in_flight": 8, "ordered": true}])");
    for (int i = 1; i <= 6; ++i) {
        s.send(fmt::format("k{}", i), 0, keyed("k"));
        s.send(fmt::format("x{}", i));
        s.send(fmt::format("m{}", i), 0, keyed("m"));
        s.w.run_ready();
    }
    s.w.advance(1s);
    BOOST_TEST(arrived(s, "k") == 1u);
    BOOST_TEST(arrived(s, "x") == 6u);
    BOOST_TEST(arrived(s, "m") == 6u);
    s.w.crash("/queue");
    s.w.advance(5s);
    s.w.crash("/forwarder");
    s.w.advance(1min);
    lines of_k, of_m;
    for (const std::string& id : s.order_of_arrival) {
        if (id.starts_with("k")) of_k.push_back(id);
        if (id.starts_with("m")) of_m.push_back(id);
    }
    BOOST_TEST(of_k == (lines{"k1", "k2", "k3", "k4", "k5", "k6"}),
               fmt::format("{}", fmt::join(of_k, " ")));
    BOOST_TEST(of_m == (lines{"m1", "m2", "m3", "m4", "m5", "m6"}),
               fmt::format("{}", fmt::join(of_m, " ")));
}

// One key with nine tenths of the webhooks, and a backlog of its own: the others are as quick as
// without it, within twice.
BOOST_AUTO_TEST_CASE(a_hot_key_holds_up_nobody) {
    supe::duration quiet{}, loaded{};
    for (const bool hot : {false, true}) {
        scene s;
        s.a_try = 50ms;
        s.run(
            R"("routes": [{"name": "default", "forwarder": "forwarder", "in_flight": 4, "ordered": true}])");
        for (int i = 0; i < 300; ++i) {
            for (int n = 0; hot && n < 9; ++n)
                s.send(fmt::format("hot{}-{}", i, n), 0, keyed("hot"));
            s.send(fmt::format("other{}", i), 0, keyed(fmt::format("key{}", i % 7)));
            s.w.advance(40ms);
        }
        s.w.advance(1s);
        BOOST_TEST(arrived(s, "other") == 300u);
        (hot ? loaded : quiet) = slowest(s, "other");
    }
    BOOST_TEST((loaded <= 2 * quiet));
}

// What came with the same key lately is acknowledged, counted, and not delivered again.
BOOST_AUTO_TEST_CASE(duplicates_by_key) {
    scene s;
    s.run(R"("routes": [{"name": "default", "forwarder": "forwarder", "dedupe_for": "1h"}])");
    const auto send = [&](const std::string& id, const std::string& key) {
        s.send(id, 0, fmt::format(R"("dedupe_key":"{}",)", key));
        s.w.advance(1s);
    };
    const std::string long_key(5000, 'x');
    send("a", "1");
    send("b", "1");
    send("c", "2");
    send("d", long_key + "1");
    send("e", long_key + "2");
    s.w.crash("/queue");
    s.w.advance(1s);
    send("f", "2");
    send("g", long_key + "2");
    BOOST_TEST(s.kept.size() == 7u);
    BOOST_TEST(s.delivered.size() == 4u);
    const auto told = boost::json::parse(s.w.messages("queue-depth").back());
    BOOST_TEST(told.at("accepted") == 4);
    BOOST_TEST(told.at("duplicates") == 3);
    s.w.advance(1h);
    send("h", "1");
    BOOST_TEST(s.delivered["h"] == 1);
    BOOST_TEST(s.is_balanced());
}

BOOST_AUTO_TEST_SUITE_END()
