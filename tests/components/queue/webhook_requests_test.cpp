// Shows what an operator sees of the stored webhooks, what of them is delivered again or dropped,
// and how long delivered ones are kept: the queue's decisions on a real SQLite file.
#include "components/queue/ledger.hpp"
#include "components/queue/store_schema.hpp"
#include "tests/components/queue/logic_scene.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <functional>

using namespace queue_tests;
using std::chrono_literals::operator""s;

namespace {

components::queue_limits limits_of_two(std::chrono::milliseconds keep = 3600s) {
    components::queue_limits l;
    l.lanes = {components::lane_settings(), components::lane_settings()};
    l.lanes[1].route = "b";
    l.lanes[1].forwarder = "forwarder-b";
    l.lanes[1].ordered = true;
    l.keep_delivered = keep;
    return l;
}

std::string with_target(const std::string& id, const std::string& target,
                        const std::string& more = "") {
    return webhook(id, 10, more + R"("method":"POST","target":")" + target + R"(",)");
}

struct asking : scene {
    explicit asking(components::queue_limits l = limits_of_two()) : scene(std::move(l)) {}

    boost::json::value ask(const std::string& request) {
        return boost::json::parse(take({R"({"webhooks":)" + request + "}"}).at(0));
    }
    /// All pages of what fits, a webhook each: `id:status`.
    std::string list(const std::string& filter = "") {
        std::string all, from;
        for (int pages = 0; pages < 100; ++pages) {
            const auto page = ask(R"({"what":"list")" + filter + from + "}");
            for (const auto& w : page.at("webhooks").as_array())
                all += std::string(w.at("id").as_string()) + ":" +
                       std::string(w.at("status").as_string()) + " ";
            if (!page.as_object().contains("from")) break;
            from = R"(,"from":)" + boost::json::serialize(page.at("from"));
        }
        return all;
    }
    std::string error(const std::string& request) {
        return std::string(ask(request).at("error").as_string());
    }
    std::string say(const std::string& request) { return boost::json::serialize(ask(request)); }
    /// `a` delivered, `b` failed, `c` dead, `d` pending, and of the other route `e` pending, `f`
    /// behind it; a second apart.
    void fill() {
        for (const char* id : {"a", "b", "c", "d"}) {
            same(take({with_target(id, std::string("/of/") + id + "?x=1")}), {"done"});
            now += 1s;
        }
        same(take({with_target("e", "/e", R"("route":"b","order_key":"k",)"),
                   with_target("f", "/of/f", R"("route":"b","order_key":"k",)")}),
             {"done", "done"});
        mark_delivery();
        take({result("a", 1, 200, R"(,"ms":12)"), result("b", 1, 404, R"(,"error":"no")"),
              result("c", 1, 404), result("c", 2, 404), result("c", 3, 404), result("c", 4, 404),
              result("c", 5, 404)});
    }
    std::string ledger() {
        const auto n = store->counts();
        BOOST_TEST(n.is_balanced());
        for (const auto& line : components::check_ledger(directory / "queue.db"))
            BOOST_TEST(line.is_right(), line.text());
        return fmt::format(
            "accepted {} delivered {} dead {} dropped {} queued {}, kept {}, "
            "replayed {}",
            n.accepted, n.delivered, n.dead, n.dropped, n.queued(), n.kept, n.replayed);
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(webhook_requests)

// The newest first, by each filter and by several, in pages of any size.
BOOST_AUTO_TEST_CASE(lists) {
    asking s;
    BOOST_TEST(s.list() == "");
    s.fill();
    const std::string all = "f:pending e:pending d:pending c:dead b:failed a:delivered ";
    BOOST_TEST(s.list() == all);
    BOOST_TEST(s.list(R"(,"limit":1)") == all);
    BOOST_TEST(s.list(R"(,"limit":4)") == all);
    BOOST_TEST(s.list(R"(,"status":"pending")") == "f:pending e:pending d:pending ");
    BOOST_TEST(s.list(R"(,"status":"failed")") == "b:failed ");
    BOOST_TEST(s.list(R"(,"status":"dead")") == "c:dead ");
    BOOST_TEST(s.list(R"(,"status":"delivered")") == "a:delivered ");
    BOOST_TEST(s.list(R"(,"route":"b")") == "f:pending e:pending ");
    BOOST_TEST(s.list(R"(,"route":"b","status":"dead")") == "");
    BOOST_TEST(s.list(R"(,"path":"/of/c")") == "c:dead ");
    BOOST_TEST(s.list(R"(,"path":"/of")") == "");
    BOOST_TEST(s.list(R"(,"path":"/of/*")") == "f:pending d:pending c:dead b:failed a:delivered ");
    BOOST_TEST(s.list(R"(,"since":1700000001000,"until":1700000003000)") == "c:dead b:failed ");
    BOOST_TEST(s.list(R"(,"since":1700000004000)") == "f:pending e:pending ");
    BOOST_TEST(s.list(R"(,"until":1700000000000)") == "");
    BOOST_TEST(s.list(R"(,"since":1900000000000)") == "");
    BOOST_TEST(s.list(R"(,"id":"c")") == "c:dead ");
    BOOST_TEST(s.list(R"(,"id":"none")") == "");
    // Where one of a key has its turn it is still listed by its arrival.
    s.take({result("e", 1, 200)});
    BOOST_TEST(s.list(R"(,"status":"pending")") == "f:pending d:pending ");
    BOOST_TEST(s.list(R"(,"status":"pending","limit":1)") == "f:pending d:pending ");
}

// A webhook with its tries: time, duration, status and reason of each, and as it came.
BOOST_AUTO_TEST_CASE(shows) {
    asking s;
    s.fill();
    BOOST_TEST(s.say(R"({"what":"show","id":"a"})") ==
               R"({"id":"a","route":"default","status":"delivered","received":)"
               R"("2023-11-14T22:13:20.000Z","request":"POST /of/a?x=1","bytes":67,"attempts":1,)"
               R"("code":200,"at":"2023-11-14T22:13:24.000Z","tries":[{"attempt":1,"at":)"
               R"("2023-11-14T22:13:24.000Z","ms":12,"status":200,"reason":""}],"webhook":)"
               R"({"id":"a","method":"POST","target":"/of/a?x=1","body":"AAAAAAAAAA"}})");
    const auto b = s.ask(R"({"what":"show","id":"b"})");
    BOOST_TEST(b.at("code") == 404);
    BOOST_TEST(b.at("reason") == "no");
    BOOST_TEST(b.at("due") == "2023-11-14T22:13:33.000Z");
    // A route that is held until later sends it no sooner.
    s.store->begin();
    s.store->routes().at(s.store->routes().lane_of("default")).held_until = 1700000100000;
    s.store->routes().at(s.store->routes().lane_of("b")).held_until = 1700000100000;
    s.store->commit();
    BOOST_TEST(s.ask(R"({"what":"show","id":"b"})").at("due") == "2023-11-14T22:15:00.000Z");
    const auto c = s.ask(R"({"what":"show","id":"c"})");
    BOOST_TEST(c.at("tries").as_array().size() == 5u);
    BOOST_TEST(c.at("reason") == "refused 5 times, at last with 404");
    BOOST_TEST(s.ask(R"({"what":"show","id":"none"})").is_null());
}

// What is wrong is told with the choices.
BOOST_AUTO_TEST_CASE(bad_requests) {
    asking s;
    BOOST_TEST(s.error(R"({"what":"look"})") ==
               R"(what: "look" is not one of list, show, replay, drop)");
    BOOST_TEST(s.error("7") == R"(what: "" is not one of list, show, replay, drop)");
    BOOST_TEST(s.error(R"({"what":"list","status":"lost"})") ==
               R"(status: "lost" is not one of pending, failed, delivered, dead)");
    BOOST_TEST(s.error(R"({"what":"replay","status":"failed"})") ==
               R"(status: "failed" is not one of delivered, dead)");
    BOOST_TEST(s.error(R"({"what":"list","route":"x"})") ==
               R"(route: "x" is not one of default, b)");
    BOOST_TEST(s.error(R"({"what":"list","since":"now"})") == "since must be a whole number");
    BOOST_TEST(s.error(R"({"what":"list","limit":0})") == "limit must be at least 1");
    for (const char* all : {R"({"what":"drop","path":""})", R"({"what":"replay","path":7})"})
        BOOST_TEST(s.error(all) == "path must be a string with something in it");
    BOOST_TEST(s.error(R"({"what":"show","id":7})") == "id must be a string with something in it");
}

// A replayed one is queued again and no longer delivered: nothing is accepted anew, and the ledger
// holds at each step. Its tries go on where they were.
BOOST_AUTO_TEST_CASE(replays) {
    asking s;
    s.fill();
    BOOST_TEST(s.ledger() ==
               "accepted 6 delivered 1 dead 1 dropped 0 queued 4, kept 1, replayed 0");
    BOOST_TEST(s.say(R"({"what":"replay","id":"a"})") == R"({"done":1})");
    BOOST_TEST(s.ledger() ==
               "accepted 6 delivered 0 dead 1 dropped 0 queued 5, kept 0, replayed 1");
    same(s.mark_delivery(), {"a/2"});
    s.take({result("a", 2, 503)});
    BOOST_TEST(s.list(R"(,"id":"a")") == "a:failed ");
    s.now += 3600s;
    same(s.mark_delivery(), {"a/3", "b/2"});
    s.take({result("a", 3, 200), result("b", 2, 200)});
    BOOST_TEST(s.ledger() ==
               "accepted 6 delivered 2 dead 1 dropped 0 queued 3, kept 2, replayed 1");
    BOOST_TEST(s.ask(R"({"what":"show","id":"a"})").at("tries").as_array().size() == 3u);
    // All that fit, the oldest first, in pages; the dead one too.
    const auto page = s.ask(R"({"what":"replay","limit":2})");
    BOOST_TEST(page.at("done") == 2);
    BOOST_TEST(s.say(R"({"what":"replay","from":)" + boost::json::serialize(page.at("from")) +
                     "}") == R"({"done":1})");
    same(s.mark_delivery(), {"a/4", "b/3", "c/6"});
    // What has not been delivered has nothing to replay.
    BOOST_TEST(s.error(R"({"what":"replay","id":"d"})") ==
               "d is pending: it is still to be delivered, and only delivered and dead ones are "
               "replayed");
    BOOST_TEST(s.ask(R"({"what":"replay","id":"none"})").is_null());
    BOOST_TEST(s.say(R"({"what":"replay"})") == R"({"done":0})");
}

// What a replay leaves to new webhooks: half of what its route may fill, and a quarter of all.
BOOST_AUTO_TEST_CASE(room_for_a_replay) {
    const auto has_room = [](std::size_t routes, std::uint64_t of_route, std::uint64_t of_all) {
        components::queue_limits l;
        l.bytes = 1000;
        l.lanes.resize(routes);
        components::route_counts route, all;
        route.bytes = of_route;
        all.bytes = of_all;
        return l.has_room_for_replay(route, all);
    };
    BOOST_TEST(has_room(1, 0, 0));
    BOOST_TEST(has_room(1, 499, 499));
    BOOST_TEST(!has_room(1, 500, 500));
    BOOST_TEST(has_room(2, 249, 749));
    BOOST_TEST(!has_room(2, 250, 250));
    BOOST_TEST(!has_room(2, 0, 750));
}

// Where that much is queued a replay stops, by whichever way it is asked for, and goes on at the
// same one later; new webhooks have room all the time. A dead one takes no room that it does not
// have already.
BOOST_AUTO_TEST_CASE(a_replay_waits_for_room) {
    auto limits = limits_of_two();
    limits.bytes = 8000;  // of a route 4000, and of a replay there 2000
    asking s(limits);
    for (const char* id : {"w0", "w1", "w2", "w3", "w4"}) {
        s.take({webhook(id, 900)});
        s.mark_delivery();
        s.take({result(id, 1, 200)});
    }
    s.take({webhook("dead", 900)});
    s.mark_delivery();
    for (unsigned n = 1; n <= 5; ++n) s.take({result("dead", n, 404)});
    BOOST_TEST(s.list() ==
               "dead:dead w4:delivered w3:delivered w2:delivered w1:delivered "
               "w0:delivered ");
    const auto page = s.ask(R"({"what":"replay","status":"delivered"})");
    BOOST_TEST(page.at("done") == 2);  // with the dead one over 2000 bytes
    BOOST_TEST(page.at("waits_for") == "default");
    const std::string on = R"({"what":"replay","status":"delivered","from":)" +
                           boost::json::serialize(page.at("from")) + "}";
    BOOST_TEST(s.say(on).starts_with(R"({"done":0,"waits_for":"default","from":)"));
    BOOST_TEST(s.say(R"({"what":"replay","id":"w4"})") == R"({"done":0,"waits_for":"default"})");
    BOOST_TEST(s.say(R"({"what":"replay","id":"dead"})") == R"({"done":1})");
    same(s.take({webhook("new", 900)}), {"done"});
    s.mark_delivery();
    s.now += 1s;
    for (const char* id : {"w0", "w1"}) s.take({result(id, 2, 200)});
    for (const char* id : {"dead", "new"}) s.take({result(id, 6, 200)});
    BOOST_TEST(s.say(on) == R"({"done":3})");
    BOOST_TEST(s.list(R"(,"status":"failed")") == "w4:failed w3:failed w2:failed ");
}

// What is delivered while a replay goes on is not replayed by it.
BOOST_AUTO_TEST_CASE(a_replay_has_an_end) {
    asking s;
    for (const char* id : {"a", "b"}) s.take({webhook(id)});
    s.mark_delivery();
    s.take({result("a", 1, 200), result("b", 1, 200)});
    const auto page = s.ask(R"({"what":"replay","limit":1})");
    s.take({webhook("new")});
    s.mark_delivery();
    s.take({result("new", 1, 200), result("a", 2, 200)});
    BOOST_TEST(s.say(R"({"what":"replay","from":)" + boost::json::serialize(page.at("from")) +
                     "}") == R"({"done":1})");
    BOOST_TEST(s.list() == "new:delivered b:failed a:delivered ");
}

// So it is with one that was there before, and waited.
BOOST_AUTO_TEST_CASE(what_ends_meanwhile) {
    for (const std::string what : {R"("what":"replay")", R"("what":"drop","status":"delivered")"}) {
        asking s;
        s.take({webhook("a"), webhook("b"), webhook("late")});
        s.mark_delivery();
        s.take({result("a", 1, 200), result("b", 1, 200)});
        s.now += 1s;
        const auto page = s.ask("{" + what + R"(,"limit":1})");
        s.now += 1s;
        s.take({result("late", 1, 200)});
        BOOST_TEST(s.say("{" + what + R"(,"from":)" + boost::json::serialize(page.at("from")) +
                         "}") == R"({"done":1})");
        BOOST_TEST(s.list(R"(,"status":"delivered")") == "late:delivered ");
    }
}

// The wall clock was set back between two lives, and once more: whatever the times are, a filter by
// time misses nothing, the list is in order of arrival, and all that was delivered is replayed.
BOOST_AUTO_TEST_CASE(the_clock_was_set_back) {
    asking s;
    const auto ms_of = [](auto time) {
        return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch())
            .count();
    };
    const auto come = [&](const std::string& one, const std::string& another) {
        s.take({webhook(one)});
        s.now += 10s;
        s.take({webhook(another)});
    };
    const auto noon = ms_of(s.now);
    come("a", "b");  // 0 s, 10 s
    s.mark_delivery();
    s.take({result("a", 1, 200), result("b", 1, 200)});
    s.now -= 3600s;
    s.open();
    come("c", "d");  // -3590 s, -3580 s
    s.now -= 60s;
    s.open();
    come("e", "f");  // -3640 s, -3630 s
    s.open();
    BOOST_TEST(s.list() == "f:pending e:pending d:pending c:pending b:delivered a:delivered ");
    const auto listed = [&](std::int64_t since_s, std::int64_t until_s) {
        return s.list(
            fmt::format(R"(,"since":{},"until":{})", noon + 1000 * since_s, noon + 1000 * until_s));
    };
    BOOST_TEST(listed(-1, 100) == "b:delivered a:delivered ");
    BOOST_TEST(listed(5, 100) == "b:delivered ");
    BOOST_TEST(listed(-3585, 5) == "d:pending a:delivered ");
    BOOST_TEST(listed(-3635, -3585) == "f:pending c:pending ");
    BOOST_TEST(listed(-4000, -3635) == "e:pending ");
    BOOST_TEST(listed(-100, -50) == "");
    BOOST_TEST(s.say(R"({"what":"replay"})") == R"({"done":2})");
}

// Of a route with an order a replayed one comes when its key is free.
BOOST_AUTO_TEST_CASE(replays_in_order) {
    asking s;
    const std::string of_key = R"("route":"b","order_key":"k",)";
    s.take({webhook("1", 0, of_key), webhook("2", 0, of_key)});
    same(s.mark_delivery(), {"1/1"});
    s.take({result("1", 1, 200)});
    same(s.mark_delivery(), {"2/1"});
    s.ask(R"({"what":"replay","id":"1"})");
    BOOST_TEST(s.list() == "2:pending 1:pending ");
    same(s.mark_delivery(), {});
    s.take({result("2", 1, 200)});
    same(s.mark_delivery(), {"1/2"});
}

// A queued one that is dropped counts as dropped; what is kept of a delivered one was delivered.
BOOST_AUTO_TEST_CASE(drops) {
    asking s;
    s.fill();
    for (const char* id : {"a", "b", "c", "e"})
        BOOST_TEST(s.say(fmt::format(R"({{"what":"drop","id":"{}"}})", id)) == R"({"done":1})", id);
    BOOST_TEST(s.ledger() ==
               "accepted 6 delivered 1 dead 0 dropped 3 queued 2, kept 0, replayed 0");
    BOOST_TEST(s.ask(R"({"what":"drop","id":"a"})").is_null());
    s.take({result("e", 1, 200)});     // a late report changes nothing
    same(s.mark_delivery(), {"f/1"});  // it was behind the one that is gone
    BOOST_TEST(s.say(R"({"what":"drop","path":"/of/*"})") == R"({"done":2})");
    BOOST_TEST(s.ledger() ==
               "accepted 6 delivered 1 dead 0 dropped 5 queued 0, kept 0, replayed 0");
}

// What is dropped while it is on its way keeps its key until its result is there, whatever an
// operator does meanwhile: two of one key are never on their way. Its id is free then, too.
BOOST_AUTO_TEST_CASE(dropped_on_its_way) {
    const std::string of_key = R"("route":"b","order_key":"k",)",
                      of_another = R"("route":"b","order_key":"m",)";
    const auto is_put_back = [](asking& s) { s.logic->put_back("2", s.now, s.now); };
    const auto is_set_aside = [](asking& s) { s.logic->set_aside("2", "poison", s.now, s.events); };
    const std::function<void(asking&)> ends[] = {[](asking& s) { s.take({result("2", 1, 200)}); },
                                                 [](asking& s) { s.take({result("2", 1, 503)}); },
                                                 is_put_back, is_set_aside};
    const std::string drops[] = {R"({"webhooks":{"what":"drop","id":"2"}})", R"({"drop":"b"})"};
    for (const auto& end : ends)
        for (const std::string& drop : drops) {
            asking s;
            s.take({webhook("1", 0, of_key)});
            s.mark_delivery();
            for (unsigned n = 1; n <= 5; ++n) s.take({result("1", n, 404)});  // dead
            s.take({webhook("2", 0, of_key)});
            same(s.mark_delivery(), {"2/1"});
            s.take({drop, R"({"webhooks":{"what":"replay","id":"1"}})"});
            same(s.take({webhook("2", 0, of_key)}),
                 {"a webhook with the id 2 is still on its way"});
            s.take({webhook("3", 0, of_key), webhook("m", 0, of_another)});
            same(s.mark_delivery(), {"m/1"});
            s.take({resume});  // all is read anew
            same(s.mark_delivery(), {});
            end(s);
            same(s.mark_delivery(), {"1/6"});
            s.take({result("1", 6, 200), webhook("2", 0, of_key)});
            same(s.mark_delivery(), {"3/1"});
        }
}

// Reports that come twice, or late, change nothing of what is kept.
BOOST_AUTO_TEST_CASE(late_reports) {
    asking s;
    s.take({webhook("a")});
    s.mark_delivery();
    s.take({result("a", 1, 200)});
    for (const int status : {200, 503, 404}) s.take({result("a", 2, status)});
    same(s.take({webhook("a")}), {"done"});  // the mail once more: it is here
    BOOST_TEST(s.ledger() ==
               "accepted 1 delivered 1 dead 0 dropped 0 queued 0, kept 1, replayed 0");
    s.limits.keep_delivered = {};
    s.open();
    s.take({result("a", 1, 200)});
    BOOST_TEST(s.ledger() ==
               "accepted 1 delivered 1 dead 0 dropped 0 queued 0, kept 1, replayed 0");
}

// Kept ones go in steps, those first that were delivered first, each with its tries, when their
// time is over; all at once when nothing is to be kept any more.
BOOST_AUTO_TEST_CASE(forgets) {
    asking s(limits_of_two(60s));
    BOOST_TEST(!s.logic->forget_delivered(s.now));
    const auto deliver = [&](int from, int to) {
        for (int i = from; i < to; ++i) s.take({webhook(fmt::format("w{}", i))});
        for (std::string next = s.deliver_one(); !next.empty(); next = s.deliver_one())
            s.take({result(next.substr(0, next.find('/')), 1, 200)});
    };
    deliver(0, 300);
    s.now += 30s;
    deliver(300, 310);
    BOOST_TEST(s.store->counts().kept == 310u);
    BOOST_TEST(!s.logic->forget_delivered(s.now));
    s.now += 30s;
    BOOST_TEST(s.logic->forget_delivered(s.now));
    BOOST_TEST(s.store->counts().kept == 210u);  // one step
    for (int i = 0; i < 2; ++i) BOOST_TEST(s.logic->forget_delivered(s.now));
    BOOST_TEST(!s.logic->forget_delivered(s.now));
    BOOST_TEST(s.ledger() ==
               "accepted 310 delivered 310 dead 0 dropped 0 queued 0, kept 10, replayed 0");
    BOOST_TEST(s.logic->keeps_delivered());
    s.limits.keep_delivered = {};
    s.open();
    BOOST_TEST(s.logic->forget_delivered(s.now));
    BOOST_TEST(!s.logic->keeps_delivered());
    SQLite::Database file((s.directory / "queue.db").string());
    BOOST_TEST(file.execAndGet("SELECT count(*) FROM attempts").getInt() == 0);
    BOOST_TEST(file.execAndGet("SELECT count(*) FROM webhooks").getInt() == 0);
}

// Without `keep_delivered` nothing of a delivered one is written.
BOOST_AUTO_TEST_CASE(keeps_nothing) {
    asking s(limits_of_two(0s));
    s.take({webhook("a")});
    s.mark_delivery();
    s.take({result("a", 1, 200)});
    BOOST_TEST(!s.logic->keeps_delivered());
    BOOST_TEST(s.list() == "");
    BOOST_TEST(s.ledger() ==
               "accepted 1 delivered 1 dead 0 dropped 0 queued 0, kept 0, replayed 0");
}

// What is kept never keeps a new webhook out: where the queue, or the disk, is full, it goes early.
BOOST_AUTO_TEST_CASE(yields_to_new_ones) {
    auto limits = limits_of_two();
    limits.bytes = 4000;
    asking s(limits);
    for (int round = 0; round < 2; ++round) {
        same(s.take({webhook(fmt::format("w{}", round), 1500)}), {"done"});
        s.mark_delivery();
        s.take({result(fmt::format("w{}", round), 1, 200)});
    }
    BOOST_TEST(!s.logic->forget_delivered(s.now));
    same(s.take({webhook("x", 1500)}), {"done"});  // it does not wait for them to go
    BOOST_TEST(s.logic->forget_delivered(s.now));
    BOOST_TEST(s.store->counts().bytes > 1500u);
    same(s.mark_delivery(), {"x/1"});
    s.take({result("x", 1, 200)});
    BOOST_TEST(!s.logic->forget_delivered(s.now));
    s.free = 0;
    BOOST_TEST(s.logic->forget_delivered(s.now));
    BOOST_TEST(s.store->counts().kept == 0u);
}

// A file of the second version becomes one of today, with all that is in it.
BOOST_AUTO_TEST_CASE(a_file_of_the_second_version) {
    asking s;
    s.fill();
    s.logic.reset();
    s.store.reset();
    {
        SQLite::Database file((s.directory / "queue.db").string(), SQLite::OPEN_READWRITE);
        file.exec("DELETE FROM webhooks WHERE state = 4; DELETE FROM attempts WHERE seq = 1");
        for (const char* index : {"with_a_turn", "by_state", "kept_by_age"})
            file.exec(fmt::format("DROP INDEX {}", index));
        for (const char* column : {"replayed", "kept", "kept_bytes"})
            file.exec(fmt::format("ALTER TABLE routes DROP COLUMN {}", column));
        for (const char* column : {"revived_at", "checksum"})
            file.exec(fmt::format("ALTER TABLE webhooks DROP COLUMN {}", column));
        file.exec("PRAGMA user_version = 2");
    }
    s.open();
    BOOST_TEST(s.list() == "f:pending e:pending d:pending c:dead b:failed ");
    BOOST_TEST(s.ledger() ==
               "accepted 6 delivered 1 dead 1 dropped 0 queued 4, kept 0, replayed 0");
    BOOST_TEST(s.say(R"({"what":"replay","id":"c"})") == R"({"done":1})");
    BOOST_TEST(s.list(R"(,"status":"failed")") == "c:failed b:failed ");
}

BOOST_AUTO_TEST_SUITE_END()
