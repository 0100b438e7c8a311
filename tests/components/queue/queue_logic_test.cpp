// Shows what the queue decides, mail by mail, on a real SQLite file and without time passing
// (contract §7).
#include "tests/components/queue/logic_scene.hpp"

using namespace std::chrono_literals;
using queue_tests::lines;
using queue_tests::one_lane;
using queue_tests::result;
using queue_tests::resume;
using queue_tests::same;
using queue_tests::scene;
using queue_tests::webhook;

BOOST_AUTO_TEST_SUITE(queue_logic)

// In order of arrival, never more at once than allowed; a result makes room for the next.
BOOST_AUTO_TEST_CASE(in_order_and_within_the_limit) {
    scene s(one_lane({.in_flight = 2}));
    same(s.take({webhook("a"), webhook("b"), webhook("c"), webhook("d")}),
         {"done", "done", "done", "done"});
    same(s.mark_delivery(), {"a/1", "b/1"});
    same(s.take({result("b", 1, 200)}), {"done"});
    same(s.mark_delivery(), {"c/1"});
    same(s.take({result("a", 1, 204), result("c", 1, 299)}), {"done", "done"});
    same(s.mark_delivery(), {"d/1"});
    s.take({result("d", 1, 200)});
    same(s.mark_delivery(), {});
    BOOST_TEST(s.counts() == "0 pending, 0 failed, 0 dead, 0 handed");
    BOOST_TEST(s.store->counts().bytes == 0u);
}

// Nor more bytes than allowed, but one always.
BOOST_AUTO_TEST_CASE(bytes_in_flight_are_bounded) {
    scene s(one_lane({.in_flight = 10, .in_flight_bytes = 5000}));
    s.take({webhook("a", 8000), webhook("b", 3000), webhook("c", 3000), webhook("d", 10)});
    same(s.mark_delivery(), {"a/1"});
    s.take({result("a", 1, 200)});
    same(s.mark_delivery(), {"b/1", "c/1"});
    s.take({result("b", 1, 200)});
    same(s.mark_delivery(), {"d/1"});
}

// A failure waits for its own time, which grows; the attempt counts up. Retry-After with 429 or 503
// is for the whole route, and a wait of the webhook with any other status.
BOOST_AUTO_TEST_CASE(failures_come_back_in_time) {
    scene s;
    s.take({webhook("a")});
    same(s.mark_delivery(), {"a/1"});
    s.take({result("a", 1, 500)});
    BOOST_TEST(s.counts() == "0 pending, 1 failed, 0 dead, 0 handed");
    same(s.mark_delivery(), {});
    BOOST_TEST((s.wake_in() == 9s));  // a tenth less than 10 s with these dice
    s.now += 9s;
    same(s.mark_delivery(), {"a/2"});
    s.take({result("a", 2, 0)});
    s.now += 18s - 1ms;
    same(s.mark_delivery(), {});
    s.now += 1ms;
    same(s.mark_delivery(), {"a/3"});
    s.take({result("a", 3, 500, R"(,"retry_after_ms":3600000)"), webhook("b")});
    same(s.mark_delivery(), {"b/1"});
    s.take({result("b", 1, 429, R"(,"retry_after_ms":60000)"), webhook("c")});
    same(s.mark_delivery(), {});
    BOOST_TEST((s.wake_in() == 60s));
    s.open();  // it is known over a restart
    s.now += 60s - 1ms;
    same(s.mark_delivery(), {});
    s.now += 1ms;
    same(s.mark_delivery(), {"c/1", "b/2"});
    s.take({result("c", 1, 200), result("b", 2, 200)});
    s.now += 59min;
    same(s.mark_delivery(), {"a/4"});
    s.take({result("a", 4, 200)});
    BOOST_TEST(s.counts() == "0 pending, 0 failed, 0 dead, 0 handed");
    BOOST_TEST(!s.wake_in());
    // A clock that is behind after a restart does not begin a rest again that is over.
    s.now -= 72h;
    s.open();
    s.take({webhook("d")});
    same(s.mark_delivery(), {"d/1"});
}

// New ones and retries take turns: a thousand bad ones hold up nobody, nor do new ones hold up a
// retry.
BOOST_AUTO_TEST_CASE(new_ones_and_retries_take_turns) {
    scene s(one_lane({.in_flight = 3}));
    for (const char* id : {"a", "b", "c"}) s.take({webhook(id)});
    s.mark_delivery();
    s.take({result("a", 1, 500), result("b", 1, 500), result("c", 1, 500)});
    s.now += 9s;
    s.take({webhook("n1"), webhook("n2"), webhook("n3")});
    lines order;
    for (int i = 0; i < 2; ++i) {
        for (const std::string& h : s.mark_delivery()) {
            order.push_back(h);
            s.take({result(h.substr(0, h.find('/')), static_cast<unsigned>(h.back() - '0'), 200)});
        }
    }
    same(order, {"a/2", "n1/1", "b/2", "n2/1", "c/2", "n3/1"});
}

// Refused five times: the dead letters, where it stays; an outage in between counts for nothing.
// Any other one dies when it is three days old.
BOOST_AUTO_TEST_CASE(how_they_die) {
    scene s;
    s.take({webhook("a"), webhook("b")});
    for (unsigned attempt = 1; attempt <= 40; ++attempt) {
        s.mark_delivery();
        const bool outage = attempt % 8 != 0;  // of forty tries five are refused
        s.take({result("a", attempt, outage ? 500 : 404), result("b", attempt, 500)});
        s.now += 1h;
    }
    same(s.dead(), {"a: refused 5 times, at last with 404"});
    BOOST_TEST(s.counts() == "0 pending, 1 failed, 1 dead, 0 handed");
    s.now += 32h - 1ms;
    same(s.mark_delivery(), {"b/41"});
    s.take({result("b", 41, 500)});
    same(s.dead(), {});
    s.now += 1h;
    same(s.mark_delivery(), {"b/42"});
    s.take({result("b", 42, 0, R"(,"error":"timed out")")});
    same(s.dead(), {"b: not delivered within 3d, at last: timed out"});
    s.open();
    BOOST_TEST(s.counts() == "0 pending, 0 failed, 2 dead, 0 handed");
}

// With max_age an older one is not delivered any more, neither new nor failed.
BOOST_AUTO_TEST_CASE(too_old) {
    scene s({.max_age = 1h});
    s.take({webhook("a"), webhook("b")});
    same(s.mark_delivery(), {"a/1", "b/1"});
    s.take({result("a", 1, 500, R"(,"retry_after_ms":3600000)")});
    s.take({webhook("c")});
    s.open();
    s.now += 1h;
    same(s.mark_delivery(), {"b/1", "a/2", "c/1"});
    s.open();
    s.now += 1ms;
    s.take({webhook("d")});
    same(s.mark_delivery(), {"d/1"});
    same(s.dead(), {"b: older than max_age", "c: older than max_age", "a: older than max_age"});
    BOOST_TEST(s.counts() == "1 pending, 0 failed, 3 dead, 1 handed");
}

// 410: nothing more is handed out, what is out already is heard, everything is kept; resume goes on
// where it stopped.
BOOST_AUTO_TEST_CASE(gone_pauses_and_resume_goes_on) {
    scene s(one_lane({.in_flight = 4}));
    for (const char* id : {"a", "b", "c", "d", "e"}) s.take({webhook(id)});
    same(s.mark_delivery(), {"a/1", "b/1", "c/1", "d/1"});
    s.take({result("a", 1, 410)});
    BOOST_TEST(s.events.paused.size() == 1u);
    s.events = {};
    s.take({result("b", 1, 410), result("c", 1, 200), webhook("f")});
    BOOST_TEST(s.events.paused.empty());  // it is told once
    same(s.mark_delivery(), {});
    s.now += 1h;
    same(s.mark_delivery(), {});
    BOOST_TEST(!s.wake_in());
    BOOST_TEST(s.counts() == "3 pending, 2 failed, 0 dead, 1 handed, paused");
    s.open();
    same(s.mark_delivery(), {});
    BOOST_TEST(s.counts() == "3 pending, 2 failed, 0 dead, 0 handed, paused");
    s.take({resume});
    same(s.mark_delivery(), {"d/1", "a/2", "e/1", "b/2"});
    for (const auto& r :
         {result("d", 1, 200), result("a", 2, 200), result("e", 1, 200), result("b", 2, 200)})
        s.take({r});
    same(s.mark_delivery(), {"f/1"});
    s.take({result("f", 1, 200)});
    BOOST_TEST(s.counts() == "0 pending, 0 failed, 0 dead, 0 handed");
}

// Even in the millisecond of the 410 a resume finds it.
BOOST_AUTO_TEST_CASE(resume_is_never_too_early) {
    scene s;
    s.take({webhook("a")});
    s.mark_delivery();
    s.take({result("a", 1, 410)});
    s.take({resume});
    same(s.mark_delivery(), {"a/2"});
}

// A webhook whose mail comes again (we died before the ack) is kept once, also while it is out.
BOOST_AUTO_TEST_CASE(duplicates_are_one) {
    scene s;
    same(s.take({webhook("a"), webhook("a")}), {"done", "done"});
    same(s.mark_delivery(), {"a/1"});
    same(s.take({webhook("a")}), {"done"});
    same(s.mark_delivery(), {});
    s.open();
    same(s.take({webhook("a")}), {"done"});
    same(s.mark_delivery(), {"a/1"});
    same(s.mark_delivery(), {});
    BOOST_TEST(s.counts() == "1 pending, 0 failed, 0 dead, 1 handed");
}

// A result that comes again, or to a new life of the queue, is heard once and ends nothing that
// runs now.
BOOST_AUTO_TEST_CASE(results_come_late_and_twice) {
    scene s;
    s.take({webhook("a"), webhook("b"), webhook("c")});
    s.mark_delivery();
    s.open();  // all are out with a forwarder that lives on
    same(s.take({result("a", 1, 200), result("b", 1, 503)}), {"done", "done"});
    same(s.mark_delivery(), {"c/1"});
    s.now += 9s;
    same(s.mark_delivery(), {"b/2"});
    s.take({result("b", 1, 503), result("b", 1, 404), result("b", 1, 410)});
    BOOST_TEST(s.counts() == "1 pending, 1 failed, 0 dead, 2 handed");
    same(s.mark_delivery(), {});
    s.take({result("b", 2, 200), result("b", 2, 200), result("nobody", 1, 500),
            result("nobody", 1, 200), result("c", 1, 200)});
    BOOST_TEST(s.counts() == "0 pending, 0 failed, 0 dead, 0 handed");
}

// It was read ahead when the old forwarder's result came: it is not handed out for nothing.
BOOST_AUTO_TEST_CASE(late_results_reach_what_was_read_ahead) {
    scene s(one_lane({.in_flight = 1}));
    s.take({webhook("a"), webhook("b")});
    s.mark_delivery();
    s.open();
    same(s.mark_delivery(), {"a/1"});
    s.take({result("b", 1, 200), result("a", 1, 200)});
    same(s.mark_delivery(), {});
}

// Delivered after all: whatever it was thought to be, it is done.
BOOST_AUTO_TEST_CASE(a_success_is_a_success) {
    scene s;
    s.take({webhook("a"), webhook("b")});
    s.mark_delivery();
    s.logic->set_aside("a", "poison", s.now, s.events);
    s.take({result("b", 1, 503), result("a", 1, 200), result("b", 1, 200)});
    BOOST_TEST(s.counts() == "0 pending, 0 failed, 0 dead, 0 handed");
}

// What kills the forwarder goes aside, with the reason; the others go on.
BOOST_AUTO_TEST_CASE(poison_goes_aside) {
    scene s(one_lane({.in_flight = 1}));
    s.take({webhook("a"), webhook("b")});
    s.mark_delivery();
    s.logic->set_aside("a", "poison", s.now, s.events);
    same(s.mark_delivery(), {"b/1"});
    BOOST_TEST(s.counts() == "1 pending, 0 failed, 1 dead, 1 handed");
    SQLite::Database file((s.directory / "queue.db").string());
    BOOST_TEST(file.execAndGet("SELECT reason FROM webhooks WHERE id = 'a'").getString() ==
               "poison");
}

// What could not be handed over keeps its place.
BOOST_AUTO_TEST_CASE(put_back_keeps_its_place) {
    scene s(one_lane({.in_flight = 3}));
    for (const char* id : {"a", "b", "c", "d"}) s.take({webhook(id)});
    same(s.mark_delivery(), {"a/1", "b/1", "c/1"});
    s.logic->put_back("b", s.now, s.now);
    s.logic->put_back("a", s.now, s.now + 1s);
    same(s.mark_delivery(), {});  // the forwarder could not be reached
    BOOST_TEST((s.wake_in() == 1s));
    s.now += 1s;
    same(s.mark_delivery(), {"a/1", "b/1"});
    s.take({result("a", 1, 503)});
    s.now += 9s;
    s.take({result("b", 1, 200), result("c", 1, 200)});
    same(s.mark_delivery(), {"a/2", "d/1"});
    s.logic->put_back("a", s.now, s.now);
    same(s.mark_delivery(), {"a/2"});
    BOOST_TEST(s.counts() == "1 pending, 1 failed, 0 dead, 2 handed");
}

// Full by bytes: webhooks are refused, results are not, and with room it goes on.
BOOST_AUTO_TEST_CASE(full) {
    scene s({.bytes = 100});
    same(s.take({webhook("a", 40), webhook("b", 40), webhook("c", 40)}),
         {"done", "the queue is full", "the queue is full"});
    s.mark_delivery();
    same(s.take({webhook("b", 40), result("a", 1, 200), webhook("c", 40)}),
         {"the queue is full", "done", "done"});
}

// The disk is nearly full: nothing that would need more of it; but room inside the file is room.
BOOST_AUTO_TEST_CASE(disk_nearly_full) {
    scene s;
    s.take({webhook("a", 1 << 20)});
    s.free = s.limits.disk_reserve + 200;
    same(s.take({webhook("b", 10), webhook("c", 400)}), {"done", "the disk is nearly full"});
    s.free = 0;
    s.mark_delivery();
    same(s.take({result("a", 1, 200), result("b", 1, 503)}), {"done", "done"});
    same(s.take({webhook("c", 400), webhook("d", 3 << 20)}), {"done", "the disk is nearly full"});
}

// The store fails: every webhook of the batch is refused with the reason, results and orders are to
// be taken again, nothing of it has happened, what is out is still out; and then all goes on.
BOOST_AUTO_TEST_CASE(a_store_that_fails) {
    scene s;
    s.take({webhook("a"), webhook("b")});
    same(s.mark_delivery(), {"a/1", "b/1"});
    const lines batch{result("a", 1, 200),  webhook("c"), result("b", 1, 410),
                      webhook("d", 300000), resume,       "7"};
    for (int again = 0; again < 2; ++again) {
        const support::file_size_limit full(80000);
        const lines said = s.take(batch);
        BOOST_REQUIRE(said.size() == batch.size());
        for (std::size_t i : {1u, 3u})
            BOOST_TEST(said[i].starts_with((s.directory / "queue.db").string()), said[i]);
        for (std::size_t i : {0u, 2u, 4u}) BOOST_TEST(said[i] == "later");
        BOOST_TEST(s.events.paused.empty());
        BOOST_TEST(s.counts() == "2 pending, 0 failed, 0 dead, 2 handed");
        same(s.mark_delivery(), {});
    }
    same(s.take({result("a", 1, 200), webhook("c"), result("b", 1, 410), resume}),
         {"done", "done", "done", "done"});
    same(s.mark_delivery(), {"b/2", "c/1"});
}

// The same for what goes aside: it is still out, and can be set aside again.
BOOST_AUTO_TEST_CASE(setting_aside_may_fail) {
    scene s;
    s.take({webhook("a")});
    s.mark_delivery();
    {
        const support::file_size_limit full(100);
        BOOST_CHECK_THROW(s.logic->set_aside("a", "poison", s.now, s.events),
                          components::store_error);
    }
    BOOST_TEST(s.counts() == "1 pending, 0 failed, 0 dead, 1 handed");
    s.logic->set_aside("a", "poison", s.now, s.events);
    BOOST_TEST(s.counts() == "0 pending, 0 failed, 1 dead, 0 handed");
}

// Mail that is none of ours is refused, and rubbish in a result is nobody's result.
BOOST_AUTO_TEST_CASE(nonsense) {
    scene s;
    const std::string expected =
                          "a webhook, results, resume, drop, dead, webhooks or metrics is expected",
                      bad_id = "the id is not made of 1 to 64 letters, digits, - and _";
    same(s.take({"7", "{}", "[]", R"("id")", R"({"x":1})", R"({"id":7})"}), lines(6, expected));
    same(s.take({webhook(""), webhook("a b"), webhook("\\u0061"), webhook(std::string(65, 'a'))}),
         lines(4, bad_id));
    same(s.take({R"({"results":7})", R"({"results":[7,{}]})", R"({"results":[{"id":7}]})",
                 R"({"results":[{"id":"a","status":"x","attempt":-5}]})"}),
         lines(4, "done"));
    BOOST_TEST(s.counts() == "0 pending, 0 failed, 0 dead, 0 handed");
}

BOOST_AUTO_TEST_SUITE_END()
