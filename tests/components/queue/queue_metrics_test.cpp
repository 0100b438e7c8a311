// Shows what the queue says of itself: that a write has shown that the store takes webhooks, which
// one is the oldest, and that no attempt counts twice. On a real SQLite file.
#include "tests/components/queue/logic_scene.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

using namespace queue_tests;
using std::chrono_literals::operator""s;

namespace {

namespace json = boost::json;

struct asking : scene {
    using scene::scene;

    json::object ask() { return json::parse(take({R"({"metrics":true})"}).at(0)).as_object(); }
    json::object route(const std::string& name = "default") {
        return ask().at("routes").at(name).as_object();
    }
    std::int64_t oldest_s() { return route().at("oldest_ms").to_number<std::int64_t>() / 1000; }
};

components::queue_limits ordered() {
    components::lane_settings l;
    l.ordered = true;
    return one_lane(l);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(queue_metrics)

// With the disk full nobody has to send a webhook to find out, and what was in the same batch is
// not lost.
BOOST_AUTO_TEST_CASE(a_store_that_fails) {
    asking s;
    BOOST_TEST(s.ask().at("refuses") == "");
    s.take({webhook("a")});
    s.mark_delivery();
    {
        const support::file_size_limit full(100);
        const json::object said = s.ask();
        BOOST_TEST(!said.contains("routes"));
        BOOST_TEST(std::string(said.at("error").as_string())
                       .starts_with((s.directory / "queue.db").string()));
        same(s.take({result("a", 1, 500, R"(,"ms":7)")}), {"later"});
    }
    same(s.take({result("a", 1, 500, R"(,"ms":7)")}), {"done"});
    const json::object r = s.route();
    BOOST_TEST(r.at("attempts").at("5xx") == 1);
    BOOST_TEST(r.at("durations_ms") == 7);
    // What the write left in the file is nothing.
    BOOST_TEST(s.store->counts().seen == 0u);
    BOOST_TEST(r.at("accepted") == 1);
}

// Whichever state the oldest one is in: pending, failed, behind another one of its key, or with a
// turn that is later than its arrival.
BOOST_AUTO_TEST_CASE(the_oldest) {
    asking s(ordered());
    BOOST_TEST(s.oldest_s() == 0);
    const auto with_key = [](const std::string& id) {
        return webhook(id, 0, R"("order_key":"k",)");
    };
    s.take({with_key("a")});
    s.now += 10s;
    s.take({with_key("b")});  // behind a
    s.now += 10s;
    s.take({webhook("c")});
    BOOST_TEST(s.oldest_s() == 20);
    BOOST_TEST(s.deliver_one() == "a/1");
    s.take({result("a", 1, 200)});  // b has its turn, behind c
    BOOST_TEST(s.oldest_s() == 10);
    BOOST_TEST(s.deliver_one() == "c/1");
    BOOST_TEST(s.deliver_one() == "b/1");
    s.take({result("b", 1, 500)});
    s.now += 5s;
    BOOST_TEST(s.oldest_s() == 15);
    s.take({result("c", 1, 200)});
    BOOST_TEST(s.oldest_s() == 15);
    s.now += 30s;
    BOOST_TEST(s.deliver_one() == "b/2");
    s.take({result("b", 2, 200)});
    BOOST_TEST(s.oldest_s() == 0);
    s.take({webhook("d")});
    s.now -= 3600s;  // a clock that is set back
    BOOST_TEST(s.oldest_s() == 0);
}

// One that is delivered is no attempt of a route that is gone, and its numbers stay.
BOOST_AUTO_TEST_CASE(a_route_that_is_gone) {
    components::queue_limits two;
    two.lanes = {components::lane_settings(), components::lane_settings()};
    two.lanes[1].route = "b";
    asking s(two);
    s.take({webhook("x", 0, R"("route":"b",)")});
    s.limits.lanes.pop_back();
    s.open();
    const json::object gone = s.route("b");
    BOOST_TEST(gone.at("pending") == 1);
    BOOST_TEST(!gone.contains("circuit"));
    BOOST_TEST(s.route().at("circuit") == "closed");
}

BOOST_AUTO_TEST_SUITE_END()
