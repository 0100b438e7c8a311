// Shows that a webhook which has just come is handed out without a read of its text from the file,
// that the file decides all the same whether and when, and that the memory for it is bounded.
#include "tests/components/queue/logic_scene.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <map>
#include <random>

using namespace std::chrono_literals;
using queue_tests::lines;
using queue_tests::one_lane;
using queue_tests::result;
using queue_tests::same;
using queue_tests::scene;
using queue_tests::webhook;

namespace {

/// So that a text which is read from the file is no longer the one that came.
void mark_texts_in_file(scene& s) {
    SQLite::Database file(s.directory / "queue.db", SQLite::OPEN_READWRITE);
    file.exec("UPDATE webhooks SET text = 'of the file', checksum = NULL");
}

/// All that can be handed out now, those from memory with a star.
lines hand_out(scene& s) {
    lines out;
    while (const auto next = s.logic->next(s.now, s.events))
        out.push_back(next->webhook.id + (next->webhook.text == "of the file" ? "" : "*"));
    return out;
}

std::string ask_about_webhooks(const std::string& id) {
    return fmt::format(R"({{"webhooks":{{"what":"drop","id":"{}"}}}})", id);
}

components::queue_limits two_lanes(bool ordered) {
    components::queue_limits limits;
    limits.lanes = {{.in_flight = 3, .ordered = ordered},
                    {.route = "r", .forwarder = "f", .in_flight = 2}};
    return limits;
}

/// Webhooks and results by chance. Those of the first lane have keys where it is ordered.
struct storm {
    explicit storm(unsigned seed) : dice(seed), ordered(seed % 2 == 1), queue(two_lanes(ordered)) {}

    std::mt19937 dice;
    bool ordered;
    scene queue;
    lines out{};                            // handed out, without a result
    std::map<std::string, lines> of_key{};  // came, without a result
    unsigned came = 0;

    unsigned one_of(std::size_t n) { return static_cast<unsigned>(dice() % n); }

    std::string new_webhook() {
        const std::string id = std::to_string(++came), key(1, static_cast<char>('x' + one_of(3)));
        if (one_of(3) == 0) return webhook(id, one_of(50), R"("route":"r",)");
        if (!ordered) return webhook(id, one_of(50));
        of_key[key].push_back(id);
        return webhook(id, one_of(50), fmt::format(R"("order_key":"{}",)", key));
    }
    std::string new_result() {
        const auto done = out.begin() + one_of(out.size());
        const std::string id = *done;
        out.erase(done);
        for (auto& [key, ids] : of_key) std::erase(ids, id);
        return result(id, 1, 200);
    }
    void take_batch() {
        lines batch;
        for (unsigned n = one_of(8); n > 0; --n)
            batch.push_back(out.empty() || one_of(2) == 0 ? new_webhook() : new_result());
        queue.take(batch);
    }
    void report_all() {
        while (!out.empty()) queue.take({new_result()});
    }
    void restart() {
        queue.open();
        out.clear();
    }
    void hand_out(unsigned most) {
        for (; most > 0; --most) {
            const auto next = queue.logic->next(queue.now, queue.events);
            if (!next) return;
            const std::string& id = next->webhook.id;
            BOOST_TEST(std::ranges::count(out, id) == 0, id + " is out already");
            for (const auto& [key, ids] : of_key)
                BOOST_TEST((std::ranges::count(ids, id) == 0 || ids.front() == id));
            out.push_back(id);
        }
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(arrivals)

// It is not read back: not from an idle queue, and not behind others that wait already. What was
// there before this life is read.
BOOST_AUTO_TEST_CASE(they_are_not_read_back) {
    scene s(one_lane({.in_flight = 2}));
    s.take({webhook("a"), webhook("b"), webhook("c")});
    mark_texts_in_file(s);
    same(hand_out(s), {"a*", "b*"});
    s.take({webhook("d"), result("a", 1, 200), result("b", 1, 200)});
    mark_texts_in_file(s);
    same(hand_out(s), {"c*", "d*"});
    s.open();
    same(hand_out(s), {"c", "d"});
    s.take({webhook("e"), result("c", 1, 200), result("d", 1, 200)});
    mark_texts_in_file(s);
    same(hand_out(s), {"e*"});
}

// What is dropped, delivered or dead in the file is not handed out: also where the report is one of
// an earlier life, and comes in the same batch.
BOOST_AUTO_TEST_CASE(the_file_decides) {
    scene s(one_lane({.retry = {.refused = 1}}));
    s.take({webhook("a"), webhook("b"), webhook("c"), webhook("d")});
    s.take({ask_about_webhooks("a"), result("b", 1, 200), result("c", 1, 404)});
    BOOST_TEST(s.counts() == "1 pending, 0 failed, 1 dead, 0 handed");
    same(s.mark_delivery(), {"d/1"});
    s.take({webhook("e"), webhook("f"), result("e", 1, 200), ask_about_webhooks("f")});
    same(s.mark_delivery(), {});
    s.take({webhook("g"), webhook("h")});
    s.take({R"({"drop":"default"})"});
    same(s.mark_delivery(), {});
    s.take({webhook("i"), webhook("i"), webhook("c")});  // two came before
    same(s.mark_delivery(), {"i/1"});
}

// One that did not reach the forwarder keeps its place before those that came behind it.
BOOST_AUTO_TEST_CASE(one_that_comes_back_is_the_first) {
    scene s(one_lane({.in_flight = 1}));
    s.take({webhook("a"), webhook("b")});
    same(s.mark_delivery(), {"a/1"});
    s.logic->put_back("a", s.now, s.now + 1s);
    s.take({webhook("c")});
    s.now += 1s;
    for (const char* id : {"a", "b", "c"}) {
        same(s.mark_delivery(), {std::string(id) + "/1"});
        s.take({result(id, 1, 200)});
    }
}

// What the forwarder gives back waits as before, in its place, and no attempt counts. A mail about
// another attempt, or about one that is not on its way, changes nothing.
BOOST_AUTO_TEST_CASE(given_back) {
    scene s(one_lane({.in_flight = 3}));
    const auto not_tried = [](const std::string& id, unsigned attempt) {
        return result(id, attempt, 0, R"(,"not_tried":true)");
    };
    s.take({webhook("a"), webhook("b"), webhook("c"), webhook("d")});
    same(s.mark_delivery(), {"a/1", "b/1", "c/1"});
    s.take({result("a", 1, 410), not_tried("b", 1), not_tried("c", 2), not_tried("d", 1),
            not_tried("nobody", 1)});
    BOOST_TEST(s.counts() == "3 pending, 1 failed, 0 dead, 1 handed, paused");
    same(s.mark_delivery(), {});
    s.take({not_tried("c", 1), not_tried("c", 1), queue_tests::resume});
    lines out = s.mark_delivery();
    std::ranges::sort(out);
    same(out, {"a/2", "b/1", "c/1"});
    s.take({result("a", 2, 200)});
    same(s.mark_delivery(), {"d/1"});
}

// Of those that fill the memory the first ones are there, and the rest is read in its turn. When
// all was read, the next one comes from memory again.
BOOST_AUTO_TEST_CASE(the_memory_is_bounded) {
    scene s(one_lane({.in_flight = 1}));
    constexpr int count = 24;
    for (int i = 10; i < 10 + count; ++i) s.take({webhook(std::to_string(i), 1 << 20)});
    mark_texts_in_file(s);
    int of_memory = 0;
    for (int i = 10; i < 10 + count; ++i) {
        const lines one = hand_out(s);
        BOOST_REQUIRE(one.size() == 1u);
        BOOST_TEST(one[0].substr(0, 2) == std::to_string(i));
        if (one[0].ends_with("*")) ++of_memory;
        s.take({result(std::to_string(i), 1, 200)});
    }
    BOOST_TEST(of_memory == 15);
    same(hand_out(s), {});
    s.take({webhook("next")});
    mark_texts_in_file(s);
    same(hand_out(s), {"next*"});
}

// Where the commit failed nothing has come.
BOOST_AUTO_TEST_CASE(a_failed_commit_brings_nothing) {
    scene s;
    {
        const support::file_size_limit full(100);
        s.take({webhook("a")});
    }
    same(s.mark_delivery(), {});
    s.take({webhook("b")});
    same(s.mark_delivery(), {"b/1"});
}

// One that grows too old in memory is not handed out.
BOOST_AUTO_TEST_CASE(one_that_grows_too_old) {
    auto limits = one_lane({.in_flight = 1});
    limits.max_age = 1h;
    scene s(limits);
    s.take({webhook("a"), webhook("b"), webhook("c"), webhook("d")});
    same(s.mark_delivery(), {"a/1"});
    s.now += 30min;
    s.take({webhook("e"), result("a", 1, 200)});
    s.now += 31min;
    same(s.mark_delivery(), {"e/1"});
    same(s.dead(), {"b: older than max_age", "c: older than max_age", "d: older than max_age"});
}

// Whatever comes together in a batch, in whatever order: each is handed out once until it is
// delivered, those of a key one after the other in their order.
BOOST_AUTO_TEST_CASE(none_is_missed_or_sent_twice) {
    for (unsigned seed = 1; seed <= 60; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            storm s(seed);
            for (int turn = 0; turn < 60; ++turn) {
                s.take_batch();
                if (s.one_of(20) == 0) s.restart();
                s.hand_out(s.one_of(6));
            }
            for (s.hand_out(100); !s.out.empty(); s.hand_out(100)) s.report_all();
            BOOST_TEST(s.queue.store->counts().queued() == 0u);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
