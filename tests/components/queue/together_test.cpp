// Shows that webhooks which come as one array are kept all or none, in one transaction, and are
// webhooks like all others from then on.
#include "tests/components/queue/logic_scene.hpp"

using namespace std::chrono_literals;
using queue_tests::lines;
using queue_tests::one_lane;
using queue_tests::same;
using queue_tests::scene;
using queue_tests::webhook;

namespace {

std::string array_of(const lines& webhooks) {
    return fmt::format(" [{}]", fmt::join(webhooks, ", "));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(together)

BOOST_AUTO_TEST_CASE(in_order_and_one_by_one) {
    scene s;
    same(s.take({webhook("a"), array_of({webhook("b"), webhook("c")}), webhook("d")}),
         {"done", "done", "done"});
    same(s.mark_delivery(), {"a/1", "b/1", "c/1", "d/1"});
    // Sent again, since its answer was lost: they are known.
    same(s.take({array_of({webhook("b"), webhook("c")})}), {"done"});
    BOOST_TEST(s.store->counts().accepted == 4u);
}

// Where there is no room for all of them none is kept, and the smaller ones behind have theirs.
BOOST_AUTO_TEST_CASE(all_or_none) {
    components::queue_limits limits;
    limits.bytes = 1500;
    scene s(limits);
    const std::string three = array_of({webhook("a", 500), webhook("b", 500), webhook("c", 500)});
    same(s.take({three, webhook("d", 500)}), {"the queue is full", "done"});
    same(s.mark_delivery(), {"d/1"});
    same(s.take({array_of({webhook("e", 200), webhook("f", 200)})}), {"done"});
    same(s.mark_delivery(), {"e/1", "f/1"});
}

BOOST_AUTO_TEST_CASE(the_disk_has_no_room) {
    components::queue_limits limits;
    limits.disk_reserve = 1 << 20;
    scene s(limits);
    s.free = (1 << 20) + 1200;
    const auto said = s.take({array_of({webhook("a", 500), webhook("b", 500), webhook("c", 500)})});
    BOOST_TEST(said.at(0) != "done");
    BOOST_TEST(s.store->counts().accepted == 0u);
    same(s.take({array_of({webhook("d", 500), webhook("e", 500)})}), {"done"});
}

// One that cannot be kept at all refuses all of them.
BOOST_AUTO_TEST_CASE(one_of_them_is_wrong) {
    components::queue_limits limits;
    limits.lanes = {{}, {.route = "r", .forwarder = "f"}};
    scene s(limits);
    const std::string of_r = webhook("b", 0, R"("route":"r",)");
    same(s.take({array_of({webhook("a"), webhook("?")}), array_of({webhook("a"), of_r}),
                 array_of({webhook("a"), "7"}), array_of({webhook("a"), "[]"})}),
         {"the id is not made of 1 to 64 letters, digits, - and _",
          "webhooks that are kept together are of one route",
          "the id is not made of 1 to 64 letters, digits, - and _",
          "the id is not made of 1 to 64 letters, digits, - and _"});
    for (const char* nonsense : {"[]", "[1", "["})
        same(s.take({nonsense}),
             {"a webhook, results, resume, drop, dead, webhooks or metrics is expected"});
    BOOST_TEST(s.store->counts().accepted == 0u);
    same(s.take({array_of({of_r})}), {"done"});
}

// What is known by its key is a duplicate, also within the array; the others are kept.
BOOST_AUTO_TEST_CASE(duplicates) {
    scene s(one_lane({.dedupe_for = std::chrono::hours(1)}));
    const auto of_key = [](const std::string& id, const std::string& key) {
        return webhook(id, 0, fmt::format(R"("dedupe_key":"{}",)", key));
    };
    same(s.take({of_key("a", "1"),
                 array_of({of_key("b", "1"), of_key("c", "2"), of_key("d", "2"), webhook("e")})}),
         {"done", "done"});
    same(s.mark_delivery(), {"a/1", "c/1", "e/1"});
    BOOST_TEST(s.store->counts().duplicates == 2u);
}

// Its sender can send it again: it is refused where the store fails.
BOOST_AUTO_TEST_CASE(the_store_fails) {
    scene s;
    {
        const support::file_size_limit limit(1);
        const auto said = s.take({array_of({webhook("a", 5000), webhook("b", 5000)})});
        BOOST_TEST((said.at(0) != "done" && said[0] != "later"), said[0]);
    }
    BOOST_TEST(s.store->counts().accepted == 0u);
    same(s.take({array_of({webhook("a"), webhook("b")})}), {"done"});
    same(s.mark_delivery(), {"a/1", "b/1"});
}

BOOST_AUTO_TEST_SUITE_END()
